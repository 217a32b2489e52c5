//! The class of attributes as admins of six countries name them.

use gangway_domain::schema::AttributeClass;
use proptest::prelude::*;

use super::{
    classify::{UNSURE as UNSURE_REASON, classify},
    sensitive_words::SENSITIVE,
    tests::{class, custom},
};

/// Language, labels of what is protected, and labels about work.
type Table = &'static [(&'static str, &'static str, &'static str)];

const LABELS: Table = &[
    (
        "German",
        "Bruttogehalt; Gehälter; Gehaelter; Jahresgehaltsbrutto; Stundenlöhne; Mindestlohn; Prämie 2026; Bonuszahlung; \
            Vermögenswirksame Leistungen; IBAN des Mitarbeiters; Bankverbindungen; Geburtstag; Geburtsname; Privatadresse; \
            Telefon privat; Private Handynummer; Grad der Behinderung (GdB); Krankenversicherung; Schwangerschaft; \
            Religionszugehörigkeit; Kirchensteuermerkmal; Staatsangehoerigkeiten; Aufenthaltserlaubnis bis; Familienstand; \
            Kinderanzahl; Anzahl der Kinder; Steueridentifikationsnummer; Steuerklasse; Sozialversicherungsnr.; \
            Reisepassnummer; Notfallkontakte; Geschlecht; Geschlechtsidentität; Gewerkschaftszugehörigkeit; \
            Fuhrungszeugnis; Fuehrungszeugnis; Leistungsbeurteilung; Führerscheinnummer",
        "Personalnummer; Stellenbezeichnung; Kostenstelle; Kostenstellen; Abteilungen; Büro; Buero; Buro; \
            Eintrittsdatum; Dienstliche E-Mail; Vertragsende; Teamleiter; Schlüsselnummer; Parkplatz Nummer; Laptop-Modell; \
            Wochenarbeitszeit; Zeitzone; Arbeitsort; Sprachkenntnisse; Dienstwagen; Gebäude; Stockwerk; Probezeitende; \
            Tochtergesellschaft",
    ),
    (
        "English",
        "Annual salary; Base salaries; Hourly wage; Wages; Bonuses; Sales commission; Bank account no.; Bank details; \
            Birthday; Place of birth; Home addresses; Personal email; Personal phone number; Mobile; Disability status; \
            Health insurance provider; Blood type; Religious affiliation; Citizenships; Visa expiry date; Marital status; \
            Number of children; Dependants; National insurance number; Social Security Number; Driver's licence; Tax code; \
            Passport No; Emergency contact name; Next of kin; Gender; Gender identity; Sex; Pronouns; Ethnic group; \
            Trade union; Criminal record; Performance rating; PersonalEmail; date_of_birth; homeAddress",
        "Job title; Employee number; Staff ID; Cost centre; Cost centers; Team; Office location; Work email; \
            Work e-mail; Start date; Laptop; Laptops; Hiring manager; Weekly working hours; Parking number; Key number; \
            Department name; Time zone office; Legal entity; Slack username; Seniority level; Contract end date; \
            Probation period",
    ),
    (
        "French",
        "Salaire; Salaires bruts; Salaire annuel; Rémunération; Remuneration variable; Prime; Primes annuelles; \
            Fiche de paie; Bulletin de paie; Paie; Indemnités; IBAN / RIB; Coordonnées bancaires; Compte bancaire; \
            Date de naissance; Lieu de naissance; Né le; Nom de jeune fille; Âge; Adresse personnelle; L\u{2019}adresse; \
            Code postal; Rue; Téléphone personnel; Telephone portable; E-mail personnel; Courriel personnel; \
            Numéro de sécurité sociale; Numero de securite sociale; NIR; Numéro fiscal; Impôts; Passeport; \
            Carte d\u{2019}identité; Carte d'identite; Permis de conduire; Nationalité; Nationalités; Titre de séjour; \
            Permis de travail; Situation familiale; État civil; Etat civil; Enfants à charge; Nombre d'enfants; Conjoint; \
            Handicap; Travailleur handicapé (RQTH); Arrêt maladie; Médecin du travail; Groupe sanguin; Grossesse; Religion; \
            Confession; Personne à contacter; Contact d'urgence; Sexe; Genre; Identité de genre; Origine ethnique; \
            Syndicat; Orientation sexuelle; Opinions politiques; Casier judiciaire; Évaluation annuelle; Motif de départ; \
            Mot de passe; Mutuelle",
        "Intitulé du poste; Intitule de poste; Poste; Fonction; Service; Département; Équipe; Equipes; Bureau; \
            Matricule; Numéro de matricule; N° employé; Centre de coûts; Centre de couts; Responsable; Date d'entrée; \
            Date d\u{2019}embauche; Début du contrat; Fin de contrat; Période d'essai; Ordinateur; \
            Numéro de série ordinateur; Clé du casier; Stationnement; Étage; Bâtiment; Langues; Langue principale; \
            Compétences; Horaires de travail; Heures hebdomadaires; E-mail professionnel du travail; Projet; \
            Taille de veste; Filiale",
    ),
    (
        "Spanish",
        "Salario; Salarios; Salario bruto anual; Sueldo; Sueldo base; Nómina; Nomina; Nóminas; Retribución variable; \
            Gratificaciones; Paga extra; Pagas; Cuenta bancaria; Número de cuenta; IBAN; Fecha de nacimiento; \
            Lugar de nacimiento; Cumpleaños; Cumpleanos; Edad; Domicilio; Dirección; Direccion particular; Código postal; \
            Codigo postal; Calle y número; Teléfono personal; Móvil; Movil; Correo personal; Correo electrónico personal; \
            Número de la Seguridad Social; Afiliación a la seguridad social; DNI; NIE; NIF; Pasaporte; \
            Documento de identidad; Carnet de conducir; Matrícula del coche; Retención de IRPF; Impuestos; Nacionalidad; \
            Ciudadanía; Permiso de trabajo; Permiso de residencia; Estado civil; Hijos; Número de hijos; Hijos a cargo; \
            Cónyuge; Conyuge; Situación familiar; Discapacidad; Grado de minusvalía; Enfermedad; Baja médica; Alergias; \
            Grupo sanguíneo; Embarazo; Religión; Contacto de emergencia; Sexo; Género; Identidad de género; Pronombres; \
            Origen étnico; Raza; Afiliación sindical; Sindicato; Orientación sexual; Antecedentes penales; \
            Evaluación del desempeño; Motivo de baja; Contraseña",
        "Puesto; Puesto de trabajo; Cargo; Función; Departamento; Equipo; Oficina; Sede; Centro de coste; \
            Costes del centro; Número de empleado; Numero de empleada; Jefe de equipo; Responsable; Gerente; \
            Fecha de inicio; Fecha de contratación; Fecha de incorporacion; Fin de contrato; Período de prueba; \
            Ordenador portátil; Ordenador portatil; Número de serie del portátil; Llaves; Aparcamiento; Planta; Edificio; \
            Idiomas; Habilidades; Competencias; Horario semanal; Jornada; Horas semanales; Talla de camiseta; Proyecto; \
            Empresa; Correo del trabajo",
    ),
    (
        "Italian",
        "Stipendio; Stipendi; Stipendio lordo; Retribuzione annua lorda; RAL; Salario; Busta paga; Premio di produzione; \
            Premi; Provvigioni; Indennità; Tredicesima; TFR; Conto corrente; Coordinate bancarie; IBAN; Data di nascita; \
            Luogo di nascita; Nato a; Compleanno; Età; Residenza; Indirizzo di residenza; Indirizzo; Domicilio; \
            Codice postale; Via e numero civico; Telefono personale; Cellulare; Email personale; Codice fiscale; \
            Numero di previdenza; Posizione INPS; Passaporto; Carta d'identità; Carta d\u{2019}identita; Patente di guida; \
            Targa; Assicurazione; Nazionalità; Nazionalita; Cittadinanza; Permesso di soggiorno; Permesso di lavoro; \
            Stato civile; Figli; Figli a carico; Numero di figli; Coniuge; Stato di famiglia; Disabilità; \
            Invalidità civile; Legge 104; Categorie protette; Malattia; Allergie; Gruppo sanguigno; Gravidanza; Religione; \
            Contatto di emergenza; Sesso; Genere; Identità di genere; Pronomi; Origine etnica; Iscrizione sindacale; \
            Sindacato; Orientamento sessuale; Casellario giudiziale; Valutazione annuale; Motivo cessazione",
        "Posizione; Ruolo; Ruolo aziendale; Mansione; Reparto; Dipartimento; Squadra; Ufficio; Sede di lavoro; \
            Matricola; Numero di matricola; Numero dipendente; Centro di costo; Centri di costo; Responsabile; \
            Data di assunzione; Data inizio; Fine contratto; Tipo di contratto; Fine periodo di prova; Portatile; \
            Numero di serie del portatile; Chiavi; Parcheggio; Piano; Scrivania; Lingue; Competenze; Certificazioni; \
            Orario settimanale; Ore settimanali; Taglia maglietta; Progetto; Azienda; Email di lavoro",
    ),
    (
        "Dutch",
        "Loon; Bruto loon; Brutoloon; Uurloon; Loonschaal; Loonstrook; Salaris; Basissalaris; Salarisschaal; Salarissen; \
            Bonus; Vergoeding; Reiskostenvergoeding; Toeslagen; Pensioen; Vakantiegeld; Bankrekening; Rekeningnummer; \
            IBAN-nummer; Geboortedatum; Geboorteplaats; Verjaardag; Leeftijd; Adres; Privéadres; Prive-adres; Woonplaats; \
            Woonadres; Straat en huisnummer; Postcode; Privé telefoon; Telefoonnummer privé; Mobiel nummer; Privé e-mail; \
            Burgerservicenummer; BSN; Paspoortnummer; Identiteitsbewijs; Identiteitskaart; Rijbewijs; Kenteken; \
            Loonbelasting; Belastingnummer; Zorgverzekering; Nationaliteit; Verblijfsvergunning; Werkvergunning; \
            Burgerlijke staat; Kinderen; Aantal kinderen; Partner; Echtgenoot; Gezinssituatie; Arbeidsbeperking; \
            Arbeidsongeschiktheid; Ziekteverzuim; Ziek; Ziekmelding; Zwangerschap; Bloedgroep; Allergieën; Allergieen; \
            Gezondheid; Godsdienst; Geloof; Religie; Noodcontact; Contactpersoon bij noodgevallen; Geslacht; \
            Genderidentiteit; Voornaamwoorden; Etniciteit; Afkomst; Herkomst; Vakbondslidmaatschap; Seksuele geaardheid; \
            Strafblad; Verklaring omtrent gedrag (VOG); Beoordeling; Ontslagreden; Reden ontslag; Wachtwoord",
        "Functie; Functietitel; Rol; Afdeling; Afdelingen; Team; Kantoor; Vestiging; Standplaats; Kostenplaats; \
            Personeelsnummer; Medewerkersnummer; Werknemersnummer; Nummer van de medewerker; Leidinggevende; \
            Datum indiensttreding; Begindatum; Startdatum van het contract; Einddatum contract; Einde proeftijd; Laptop; \
            Beeldscherm; Sleutelnummer; Parkeerplaats; Verdieping; Gebouw; Talen; Talenkennis; Vaardigheden; Werkrooster; \
            Contracturen; Uren per week; Shirtmaat; Schoenmaat; Project; Werk e-mail; Toegangspas",
    ),
];

/// Harmless in one language, private in another, or told by nobody.
const UNSURE: &str = "Firma; CAP; Tarjeta; Piso; Ingreso; Portable; Prima; Lugar; Nom; Cognome; Observaciones; Remarques; \
    Opmerkingen; Note; Commentaire; Hobby's; Numéro; Número; Numero; Nummer; Correo; Courriel";

fn each(labels: &'static str) -> impl Iterator<Item = &'static str> {
    labels.split("; ")
}

#[test]
fn what_is_protected_is_sensitive_in_every_language_and_named_as_such() {
    let missed: Vec<_> = LABELS
        .iter()
        .flat_map(|(_, sensitive, _)| each(sensitive))
        .map(|label| (label, classify(&custom(label))))
        .filter(|(_, (class, reason))| *class != AttributeClass::Sensitive || !reason.starts_with("about "))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn what_is_about_work_is_standard_in_every_language() {
    let missed: Vec<_> = LABELS
        .iter()
        .flat_map(|(_, _, harmless)| each(harmless))
        .map(|label| (label, classify(&custom(label))))
        .filter(|(_, (class, _))| *class != AttributeClass::Standard)
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn false_friends_are_left_to_the_tenant() {
    for label in each(UNSURE) {
        assert_eq!(classify(&custom(label)), (AttributeClass::Sensitive, UNSURE_REASON.to_owned()), "{label}");
    }
}

#[test]
fn accents_may_be_missing_composed_or_decomposed() {
    for label in [
        "Nationalita\u{300}",
        "NATIONALITÉ",
        "Cumplean\u{303}os",
        "Ge\u{301}nero",
        "Fu\u{308}hrungszeugnis",
        "Nómina",
        "No\u{301}mina",
    ] {
        assert_eq!(class(label), AttributeClass::Sensitive, "{label}");
    }
}

fn sensitive_word() -> impl Strategy<Value = String> {
    let all: Vec<String> = SENSITIVE
        .iter()
        .flat_map(|subject| {
            let single = subject.stems.split_whitespace().chain(subject.words.split_whitespace());
            single.map(str::to_owned).chain(subject.phrases.iter().map(|phrase| (*phrase).to_owned()))
        })
        .collect();
    prop::sample::select(all)
}

proptest! {
    #[test]
    fn no_label_panics(label in any::<String>(), key in any::<String>(), universal_id in any::<Option<String>>()) {
        let mut attribute = custom(&label);
        attribute.key = key;
        attribute.universal_id = universal_id;
        classify(&attribute);
    }

    #[test]
    fn a_sensitive_word_makes_any_label_sensitive(label in "\\PC{0,24}", word in sensitive_word(), first: bool, upper: bool) {
        let word = if upper { word.to_uppercase() } else { word };
        let label = if first { format!("{word} {label}") } else { format!("{label} {word}") };
        let (class, reason) = classify(&custom(&label));
        prop_assert_eq!(class, AttributeClass::Sensitive);
        prop_assert!(reason.starts_with("about "), "{}: {}", label, reason);
    }

    #[test]
    fn a_sensitive_word_among_harmless_ones_is_not_overheard(place in 0_usize..3, word in sensitive_word()) {
        let mut words = vec!["work", "office", "team"];
        words.insert(place, &word);
        prop_assert_eq!(class(&words.join(" ")), AttributeClass::Sensitive);
    }
}
