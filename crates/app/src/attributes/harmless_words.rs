//! The words that let an attribute be standard, in German, English, French, Spanish, Italian and Dutch: an attribute is standard
//! only when every word of its label is known to be harmless.
//!
//! Only lists live here; how they are read is `classify`'s business. Written as in `sensitive_words`. A word that means a private
//! thing in one of the languages (`cap`: a hat, an Italian postcode) stands in no list.

/// Words that make a label harmless when every other word is known too.
pub(super) const HARMLESS: &str = "shirt tshirt hoodie pullover jacket jacke kleidergroesse konfektionsgroesse shoe schuhgroesse hosengroesse \
    tshirtgroesse shirtgroesse badge mitarbeiternummer personalnummer personnel staff employee mitarbeiter mitarbeiterin \
    mitarbeitende kostenstelle kostenstellen kostenstellennummer cost costs costcenter costcentre kostentraeger language languages \
    sprache sprachen sprachkenntnisse skill skills kenntnisse faehigkeiten certification certifications zertifikate \
    zertifikat zertifizierung zertifizierungen linkedin linked git hub xing github gitlab slack twitter website desk \
    schreibtisch arbeitsplatz arbeitsort seat room raum raumnummer floor etage stockwerk building gebaeude laptop laptops notebook \
    computer rechner monitor monitore bildschirm equipment ausstattung hardware software keyboard tastatur maus mouse headset \
    parking parkplatz locker spind key keys schluessel schluesselnummer job jobs title jobtitel stelle stellenbezeichnung \
    positionsbezeichnung position role roles rolle department departments abteilung abteilungen team teams office offices \
    buero bueros bueronummer standort standorte location squad tribe guild chapter division bereich unit project projects projekt \
    projekte supervisor supervisors manager managers vorgesetzter vorgesetzte teamleiter abteilungsleiter mentor buddy onboarding \
    offboarding work workplace business geschaeftlich dienstlich dienstliche geschaeftliche company unternehmen legal entity subcompany \
    subsidiary gesellschaft tochtergesellschaft hire hiring entry eintritt eintrittsdatum start startdatum probation probezeit probezeitende contract \
    contracts vertrag vertraege vertragsart vertragsbeginn vertragsende vertragslaufzeit befristung seniority level career \
    karrierestufe jobtitle schedule arbeitszeitmodell arbeitszeit arbeitsbeginn wochenarbeitszeit weekly working hours \
    stunden wochenstunden calendar kalender holiday feiertagskalender timezone zeitzone extension durchwahl employment created modified \
    updated muetze dienstwagen firmenwagen \
    poste fonction intitule titre metier service departement equipe equipes bureau bureaux travail entreprise filiale cout couts embauche \
    entree arrivee debut contrat contrats essai matricule salarie employe employee collaborateur collaboratrice ordinateur \
    clavier souris ecran materiel casier cle cles stationnement batiment salle langue langues competence competences \
    certificat certificats projet projets responsable superviseur horaire horaires hebdomadaire hebdomadaires heures veste \
    pointure tee taille agence unite pole parrain anciennete \
    puesto cargo funcion rol departamento equipo equipos oficina oficinas sede centro coste costes costo costos trabajo empresa sociedad \
    contratacion incorporacion inicio contrato contratos prueba empleado empleada legajo portatil ordenador teclado \
    raton pantalla llave llaves aparcamiento planta edificio sala escritorio idioma idiomas habilidad habilidades competencia \
    competencias certificacion certificaciones proyecto proyectos jefe jefa gerente horario horarios semanal semanales jornada \
    horas camiseta talla chaqueta calzado zapato zapatos calendario festivos antiguedad \
    posizione ruolo ruoli mansione qualifica reparto dipartimento squadra ufficio uffici centri costi lavoro azienda \
    aziendale aziendali societa assunzione inizio contratto contratti prova matricola dipendente dipendenti portatile tastiera schermo chiave \
    chiavi parcheggio piano stanza scrivania postazione lingua lingue competenza competenze certificazione certificazioni \
    progetto progetti responsabile supervisore capo orario orari settimanale settimanali ore maglietta taglia giacca scarpa scarpe \
    dotazione anzianita \
    functie functies functietitel afdeling afdelingen kantoor kantoren vestiging vestigingen locatie standplaats kostenplaats \
    kostenplaatsen kostendrager werk werkplek bedrijf onderneming dochteronderneming dienst indiensttreding indienst \
    proeftijd personeelsnummer medewerker medewerkers medewerkersnummer medewerkernummer werknemer werknemers \
    werknemersnummer toetsenbord muis scherm beeldscherm sleutel sleutels sleutelnummer parkeerplaats parkeerplek \
    verdieping gebouw kamer bureaunummer taal talen talenkennis vaardigheid vaardigheden certificaat certificaten \
    leidinggevende rooster werkrooster uren contracturen werkuren arbeidsuren wekelijks wekelijkse shirtmaat kledingmaat schoenmaat \
    jas feestdagenkalender toegangspas begin begindatum werktijden contractduur";

/// Words that say nothing by themselves.
pub(super) const FILLERS: &str = "size groesse number nummer nummern no nr num id name type art of the and und for fuer der die das des at in am im \
    date datum end ende enddatum last first second from to von bis profile profil url link account code t group gruppe \
    center centre centers centres center2 primary secondary internal intern external extern current preferred main 1 2 3 period \
    time zone status at2 model modell serial asset tag user username benutzername handle plan day days tag tage native spoken email mail e \
    week woche wochen seriennummer inventarnummer zugang \
    de du des le la les l d et en a au aux pour par nom numero n date fin type dernier derniere premier premiere jour jours statut \
    professionnel professionnelle interne externe principal principale utilisateur identifiant lien serie periode semaine \
    courriel \
    del el los las y con fecha final codigo tipo ultimo ultima primer primero primera dia dias estado nombre perfil enlace \
    profesional laboral corporativo corporativa interno interna externo externa usuario identificador periodo semana correo \
    electronico por \
    di della dello dei delle degli da dal dalla per il lo gli i al alla data fine codice primo giorno giorni stato profilo esterno \
    esterna principale utente identificativo settimana posta elettronica professionale nel \
    van het een op te voor aan einde eind einddatum eerste laatste soort dag dagen naam profiel maat gebruiker gebruikersnaam \
    zakelijk zakelijke huidig huidige per";

/// Names that are the same in every account of a vendor, and harmless.
pub(super) const UNIVERSAL_STANDARD: &str = "first_name last_name preferred_name email position department office team supervisor hire_date status \
    employee_id personnel_number contract_end_date termination_date employment_type weekly_working_hours \
    cost_centers subcompany work_schedule holiday_calendar linkedin probation_period_end job_title id \
    profile_picture created_at last_modified_at last_working_day";
