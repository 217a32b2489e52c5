//! What canonical fields are called in German, English, French, Spanish, Italian and Dutch, for suggestions.
//!
//! Only lists live here. Written as `attributes::words` reads labels: lower case, without accents, umlauts spelt out.

/// A field, and the names that mean it and nothing else.
pub(super) const NAMES: &[(&str, &str)] = &[
    (
        "first_name",
        "first name; given name; forename; vorname; rufname; prenom; nombre de pila; primer nombre; nome di battesimo; voornaam",
    ),
    (
        "last_name",
        "last name; surname; family name; nachname; familienname; nom de famille; apellido; apellidos; cognome; achternaam; familienaam",
    ),
    (
        "preferred_name",
        "preferred name; nickname; display name; known as; bevorzugter name; spitzname; anzeigename; prenom usuel; nom d usage; nombre preferido; \
         nome preferito; roepnaam; voorkeursnaam",
    ),
    (
        "email",
        "email; e mail; mail; work email; work e mail; business email; company email; email address; work email address; geschaeftliche e mail; \
         dienstliche e mail; firmen e mail; e mail adresse; e mail geschaeftlich; e mail professionnel; email professionnel; courriel professionnel; adresse e mail professionnelle; \
         correo de trabajo; correo laboral; correo corporativo; correo electronico; correo electronico de trabajo; email aziendale; email di lavoro; posta aziendale; \
         werk e mail; werkmail; zakelijke e mail; zakelijk e mailadres",
    ),
    ("gender", "gender; sex; geschlecht; genre; sexe; genero; sexo; genere; sesso; geslacht"),
    (
        "status",
        "status; employment status; employee status; beschaeftigungsstatus; mitarbeiterstatus; statut; statut employe; estado; estado del empleado; stato; \
         stato dipendente; stato del dipendente; medewerkerstatus; dienstverbandstatus",
    ),
    (
        "position",
        "position; job title; title; job; role title; position title; stelle; stellenbezeichnung; positionsbezeichnung; jobtitel; berufsbezeichnung; \
         poste; intitule du poste; intitule de poste; fonction; titre du poste; puesto; puesto de trabajo; cargo; posizione; mansione; qualifica; ruolo; \
         functie; functietitel; functienaam",
    ),
    (
        "department",
        "department; dept; department name; abteilung; abteilungsname; fachbereich; departement; service; departamento; dipartimento; reparto; afdeling",
    ),
    (
        "office",
        "office; office location; work location; location; site; buero; bueros; standort; arbeitsort; niederlassung; bureau; lieu de travail; site de travail; \
         oficina; centro de trabajo; lugar de trabajo; sede; sede di lavoro; ufficio; luogo di lavoro; kantoor; vestiging; standplaats; werklocatie; locatie",
    ),
    ("team", "team; team name; squad; teamname; equipe; equipo; squadra; gruppo di lavoro; teamnaam"),
    (
        "legal_entity",
        "legal entity; entity; company; employer; subcompany; subsidiary; gesellschaft; rechtseinheit; tochtergesellschaft; firmengesellschaft; arbeitgeber; \
         entite juridique; entite legale; societe; filiale; employeur; entidad legal; entidad juridica; sociedad; empresa; entita legale; entita giuridica; societa; \
         azienda; datore di lavoro; juridische entiteit; rechtspersoon; werkmaatschappij; werkgever",
    ),
    (
        "supervisor",
        "supervisor; manager; line manager; direct manager; reports to; vorgesetzter; vorgesetzte; direkter vorgesetzter; fuehrungskraft; disziplinarischer vorgesetzter; \
         responsable hierarchique; superieur hierarchique; responsable; n 1; manager direct; responsable directo; jefe; jefe directo; superior directo; supervisor directo; \
         responsabile; responsabile diretto; superiore; supervisore; leidinggevende; direct leidinggevende",
    ),
    (
        "cost_centers",
        "cost center; cost centers; cost centre; cost centres; costcenter; kostenstelle; kostenstellen; centre de cout; centre de couts; centres de couts; \
         centro de coste; centro de costes; centros de coste; centro de costo; centro de costos; centro di costo; centri di costo; kostenplaats; kostenplaatsen",
    ),
    (
        "hire_date",
        "hire date; hiring date; date of hire; start date; date of joining; joining date; entry date; first day; first working day; eintrittsdatum; eintritt; einstellungsdatum; \
         startdatum; erster arbeitstag; date d embauche; date d entree; date de debut; date d arrivee; fecha de contratacion; fecha de alta; fecha de ingreso; \
         fecha de inicio; fecha de incorporacion; data di assunzione; data assunzione; data inizio; data di inizio; datum indiensttreding; indiensttreding; \
         datum in dienst; in dienst sinds; startdatum dienstverband",
    ),
    (
        "contract_end_date",
        "contract end date; contract end; end of contract; contract expiry date; fixed term until; vertragsende; befristet bis; befristung bis; befristungsende; \
         date de fin de contrat; fin de contrat; fin du contrat; fecha fin de contrato; fecha de fin de contrato; fin de contrato; vencimiento del contrato; \
         data fine contratto; fine contratto; scadenza contratto; einddatum contract; contract einddatum; einde contract",
    ),
    (
        "termination_date",
        "termination date; date of termination; end date; exit date; leaving date; austrittsdatum; austritt; kuendigungsdatum; beendigungsdatum; date de sortie; \
         date de depart; date de fin; fecha de baja; fecha de salida; fecha de cese; fecha de terminacion; data di cessazione; data cessazione; data di uscita; \
         datum uitdiensttreding; uitdiensttreding; datum uit dienst; einde dienstverband",
    ),
    (
        "last_working_day",
        "last working day; last day of work; last day; letzter arbeitstag; dernier jour de travail; dernier jour travaille; ultimo dia de trabajo; ultimo dia trabajado; \
         ultimo dia laborable; ultimo giorno di lavoro; ultimo giorno lavorativo; laatste werkdag",
    ),
    (
        "weekly_hours",
        "weekly hours; weekly working hours; hours per week; working hours per week; contract hours; wochenstunden; wochenarbeitszeit; stunden pro woche; \
         heures hebdomadaires; heures par semaine; horaire hebdomadaire; horas semanales; horas por semana; jornada semanal; ore settimanali; ore alla settimana; \
         orario settimanale; uren per week; contracturen; weekuren; wekelijkse uren",
    ),
    (
        "employment_type",
        "employment type; type of employment; employee type; worker type; contract type; beschaeftigungsart; anstellungsart; beschaeftigungsverhaeltnis; vertragsart; \
         type d emploi; type de contrat; type d employe; tipo de empleo; tipo de contrato; tipo de empleado; tipo di impiego; tipo di contratto; tipo contratto; \
         type dienstverband; soort dienstverband; contractvorm; contractsoort",
    ),
];
