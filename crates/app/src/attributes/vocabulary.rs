//! The words that decide an attribute's class, in English and German. German letters are spelt out (`ae`, `ss`).
//!
//! Only lists live here; how they are read is `classify`'s business.

/// What makes a text sensitive.
pub(super) struct Subject {
    /// What it is about, for the reason that admins read.
    pub(super) name: &'static str,
    /// Stems that count wherever they stand, since German joins words.
    pub(super) stems: &'static str,
    /// Short words that count only on their own.
    pub(super) words: &'static str,
    /// Several words in a row.
    pub(super) phrases: &'static [&'static str],
}

/// Everything that law or sense protects.
pub(super) const SENSITIVE: &[Subject] = &[
    Subject {
        name: "pay",
        stems: "salary salaries gehalt gehaelter lohn loehn wage compensation verguetung remuneration entgelt bonus boni \
            commission provision praemie payroll payslip zulage allowance gratifikation abfindung severance stundensatz \
            hourlyrate dayrate tagessatz garnish pfaend equity stockoption tantieme einkommen income verdienst besoldung \
            tarifgruppe vermoegenswirksam pension altersvorsorge betriebsrente rente",
        words: "pay rate sold vwl bav stock shares",
        phrases: &[],
    },
    Subject {
        name: "bank account",
        stems: "iban bankacc bankkonto bankverbind bankname kontonummer kontoinhaber accountholder sortcode routingnumber \
            kreditinstitut bankleitzahl",
        words: "bank bic swift konto blz",
        phrases: &[],
    },
    Subject {
        name: "birth",
        stems: "birth geburt geboren geburtsort maidenname maedchenname dateofbirth",
        words: "born age alter dob",
        phrases: &[],
    },
    Subject {
        name: "home address or private contact",
        stems: "homeaddress privateaddress personaladdress anschrift adress address wohnort wohnsitz street strasse \
            hausnummer postleitzahl postcode postalcode zipcode residence private privat personalemail personalphone \
            homephone hometown",
        words: "home zip plz ort mobile handy phone telefon",
        phrases: &[],
    },
    Subject {
        name: "health",
        stems: "health gesundheit krank sickness illness disab behinder medical medizin handicap pregnan schwanger \
            mutterschutz maternity diagnos allerg vaccin impf bloodtype blutgruppe therap genes rehabilit pflegegrad \
            diet unvertraeglich eingliederung",
        words: "gdb sick bem",
        phrases: &[],
    },
    Subject {
        name: "religion",
        stems: "religion religi konfession denomination kirche church faith glaube",
        words: "kist",
        phrases: &[],
    },
    Subject {
        name: "nationality or permits",
        stems: "nationalit staatsangeh staatsbuerger citizen workpermit arbeitserlaubnis aufenthalt visa visum immigra \
            residencepermit bluecard asyl asylum",
        words: "",
        phrases: &["blaue karte"],
    },
    Subject {
        name: "identity and tax numbers",
        stems: "tax steuer socialsecurity sozialversicherung nationalinsurance insurance versicherung passport reisepass \
            personalausweis ausweisnummer identitycard idcard nationalid identitynumber driverlicen drivinglicen \
            fuehrerschein rentenversicherung svnummer licenceplate licenseplate kennzeichen",
        words: "ssn sin nin passport pass svnr idnr pesel bsn",
        phrases: &[],
    },
    Subject {
        name: "family",
        stems: "maritalstatus marital familienstand married verheirat spouse ehepartner ehegatt children child kinder \
            dependant dependent lebenspartner partnerschaft familie family parental elternzeit sorgerecht unterhalt \
            scheidung divorce",
        words: "kind partner",
        phrases: &[],
    },
    Subject { name: "emergency contact", stems: "emergency notfall nextofkin", words: "", phrases: &[] },
    Subject {
        name: "origin, opinion or orientation",
        stems: "ethnic ethni racial herkunft migrationshintergrund tradeunion gewerkschaft politic politisch partei \
            orientation sexual sexuell pronoun pronomen diversity veteran genderident transgender",
        words: "race union sex veteran",
        phrases: &["works council member"],
    },
    Subject {
        name: "conduct and assessment",
        stems: "criminal strafregister fuehrungszeugnis backgroundcheck abmahnung warning disciplin performance \
            leistungsbeurteilung beurteilung rating terminationreason kuendigungsgrund austrittsgrund password passwort \
            kennwort secret signature unterschrift biometr fingerprint fingerabdruck",
        words: "",
        phrases: &["termination reason"],
    },
];

/// Words that make a label harmless when every other word is known too.
pub(super) const HARMLESS: &str = "shirt tshirt hoodie pullover jacket jacke kleidergroesse konfektionsgroesse shoe schuhgroesse hosengroesse \
    tshirtgroesse shirtgroesse badge mitarbeiternummer personalnummer personnel staff employee kostenstelle cost \
    costcenter kostentraeger language languages sprache sprachen sprachkenntnisse skill skills kenntnisse \
    faehigkeiten certification certifications zertifikate linkedin linked git hub xing github slack twitter website desk \
    schreibtisch arbeitsplatz seat room raum raumnummer floor etage building gebaeude laptop notebook computer \
    monitor equipment ausstattung hardware software keyboard tastatur parking parkplatz locker spind key \
    schluessel schluesselnummer job title position role rolle department abteilung team office buero standort \
    location squad tribe guild chapter division bereich unit project projekt supervisor manager vorgesetzter \
    mentor buddy onboarding offboarding work workplace business geschaeftlich company firma unternehmen legal \
    entity subcompany gesellschaft hire hiring entry eintritt eintrittsdatum start startdatum probation \
    probezeit probezeitende contract vertrag vertragsart vertragsende befristung seniority level career \
    karrierestufe jobtitel schedule arbeitszeitmodell weekly working hours wochenstunden calendar holiday \
    feiertagskalender timezone extension durchwahl employment created modified updated cap muetze dienstwagen";

/// Words that say nothing by themselves.
pub(super) const FILLERS: &str = "size groesse number nummer no nr num id name type art of the and und for fuer der die das des at in am im \
    date datum end ende last first second from to von bis profile profil url link account code t group gruppe \
    center centre center2 primary secondary internal intern external extern current preferred main 1 2 3 period \
    time zone status at2 model modell serial asset tag user username handle plan day days native spoken";

/// Names that are the same in every account of a vendor, and harmless.
pub(super) const UNIVERSAL_STANDARD: &str = "first_name last_name preferred_name email position department office team supervisor hire_date status \
    employee_id personnel_number contract_end_date termination_date employment_type weekly_working_hours \
    cost_centers subcompany work_schedule holiday_calendar linkedin probation_period_end job_title id \
    profile_picture created_at last_modified_at last_working_day";
