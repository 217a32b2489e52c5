//! The words that make an attribute sensitive, in German, English, French, Spanish, Italian and Dutch.
//!
//! Only lists live here; how they are read is `classify`'s business. Everything is written in lower case without accents, German
//! umlauts spelt out (`ae`, `ss`). A word that is harmless in one of the languages and not in another (`firma`: a company, a
//! signature) stands in no list: unsure is sensitive, and a tenant may say otherwise.

/// What makes a text sensitive.
pub(super) struct Subject {
    /// What it is about, for the reason that admins read.
    pub(super) name: &'static str,
    /// Stems that count wherever they stand, since German and Dutch join words and all six inflect them.
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
        stems: "salary salaries gehalt gehaelter lohn loehn minimumwage hourlywage compensation verguetung remuneration entgelt bonus boni \
            commission provision praemie payroll payslip zulage allowance gratifikation abfindung severance stundensatz \
            hourlyrate dayrate tagessatz garnish pfaend equity stockoption tantieme einkommen income verdienst besoldung \
            tarifgruppe vermoegenswirksam pension altersvorsorge betriebsrente altersrente \
            salair salariale traitementbrut retribu sueldo honorario honoraire gratificacion stipendi \
            compensazion compenso compensi provvigion indennita indemni indemniz liquidacion finiquito \
            salaris loonschaal loonstrook loonheffing loonbelasting loontrede brutoloon nettoloon uurloon maandloon \
            dagloon jaarloon basisloon loongroep vergoeding beloning toeslag uitkering pensioen vakantiegeld \
            inkomen verdien tariefgroep remunera revenu ingresos aguinaldo gehaltsband",
        words: "pay wage wages rate rente renten rentes tfr reddito redditi sold vwl bav stock shares earnings salario salarios salari salariali salarial salariales \
            salariaux paie paies paye prime primes paga pagas nomina nominas loon lonen bonussen premie premies premio \
            premi ral cct tredicesima quattordicesima treizieme sueldos dertiende",
        phrases: &["busta paga", "fiche de paie", "bulletin de paie", "13 e mois", "dertiende maand", "pay grade"],
    },
    Subject {
        name: "bank account",
        stems: "iban bankacc bankkonto bankverbind bankname bankdaten bankdetail bankgegeven kontonummer kontoinhaber accountholder \
            sortcode routingnumber kreditinstitut bankleitzahl bankrekening rekeningnummer bancair bancari contocorrente \
            numerodeconto cuentacorriente numerodecuenta titulairedu comptecourant coordonneesb",
        words: "bank banks banque banca banche banco bancos bic swift konto konten blz rib cbu clabe rekening cuenta cuentas conto compte",
        phrases: &[],
    },
    Subject {
        name: "birth",
        stems: "birth geburt geboren geburtsort maidenname maedchenname dateofbirth naissance nacimiento cumpleanos anniversair \
            nascita compleanno geboorte verjaardag leeftijd neele nacido meisjesnaam jeunefille",
        words: "born age ages alter dob edad edades eta ne nee nato nata natale",
        phrases: &["apellido de soltera", "cognome da nubile"],
    },
    Subject {
        name: "home address or private contact",
        stems: "homeaddress privateaddress personaladdress anschrift adress address adres wohnort wohnsitz street strasse \
            hausnummer postleitzahl postcode postalcode zipcode residence private privat privad personalemail personalphone \
            personalmobile personalmail homephone hometown domicil indirizz direccion codigopostal codepostal \
            codicepostale woonplaats woonadres huisnummer straatnaam residenz residenci vivienda abitazione \
            telephon telefon telefoon cellular cellulare movil numeroportable huisadres thuisadres handynummer mobilnummer",
        words: "home zip plz ort mobile handy phone phones rue rues calle calles via straat avenue prive privee prives \
            particulier thuis gsm cell mobiel mobiele movil moviles residente logement huis",
        phrases: &[
            "email personal",
            "e mail personal",
            "mail personal",
            "correo personal",
            "correo electronico personal",
            "email personnel",
            "e mail personnel",
            "mail personnel",
            "courriel personnel",
            "email personale",
            "e mail personale",
            "mail personale",
            "posta personale",
            "lieu de residence",
        ],
    },
    Subject {
        name: "health",
        stems: "health gesundheit krank sickness illness disab behinder medical medizin handicap pregnan schwanger \
            mutterschutz matern patern diagnos allerg alergi vaccin impf bloodtype blutgruppe therap genes rehabilit \
            pflegegrad diet unvertraeglich eingliederung sante medic medecin maladie invalid invalidit discapac minusval enfermed \
            incapaci inaptitud embaraz vacuna gruposang groupesang grupposang gravidanza incinta malatt disabil infortun \
            salute enceinte grossesse ziekt ziekm ziekenh zwanger bloedgroep gezondheid beperking \
            arbeidsongeschikt verzuim inenting zorgverzeker rqth ouderschap mutuelle saludl intoleran",
        words: "gdb sick bem ziek salud zorg arret",
        phrases: &["legge 104", "categoria protetta", "categorie protette", "baja medica", "accident du travail"],
    },
    Subject {
        name: "religion",
        stems: "religion religi konfession confession confesion denomination kirche church faith glaube geloof kerk chiesa eglise \
            iglesia credo godsdienst levensbeschouw",
        words: "kist culte culto fede foi croyance croyances",
        phrases: &[],
    },
    Subject {
        name: "nationality or permits",
        stems: "nationalit staatsangeh staatsbuerger citizen workpermit arbeitserlaubnis aufenthalt visum immigra \
            residencepermit bluecard asyl asylum nazionalit nacionalid cittadinanz ciudadan citoyen verblijf werkvergunning \
            tewerkstellingsv titredesejour cartedesejour permisdetravail permisodetrabajo permisoderesid permessodisogg \
            permessodilav staatsburgerschap extranjer soggiorno etranger straniero",
        words: "visa visas nie visto visti asile asilo",
        phrases: &["blaue karte", "carte bleue", "blauwe kaart"],
    },
    Subject {
        name: "identity and tax numbers",
        stems: "tax steuer socialsecurity sozialversicherung nationalinsurance insurance versicherung passport reisepass \
            personalausweis ausweisnummer identitycard idcard nationalid identitynumber driverlicen driverslicen drivinglicen \
            fuehrerschein rentenversicherung svnummer licenceplate licenseplate kennzeichen passeport pasaporte passaporto \
            paspoort fiscal fiscaal impot impuesto impost belasting securitesocial seguridadsocial seguro assuran assicura \
            previdenz verzeker identite identid identitei identitaet cartaidentita cartadident cartedident burgerservice \
            rijbewijs kenteken permisdeconduire carnetdeconducir patentediguida permisodeconducir immatricul numerodesecu \
            documentoiden documentodident trattenut sofinummer rijksregister personalid afiliacion",
        words: "ssn sin nin passport pass svnr idnr pesel bsn nir nif dni cuil curp rfc targa matricula ahv patente identiteit \
            identita insee inps irpf irpef urssaf",
        phrases: &["codice fiscale", "plaque d immatriculation", "numero de secu"],
    },
    Subject {
        name: "family",
        stems: "maritalstatus marital famigli familienstand married verheirat spouse ehepartner ehegatt children child kinder \
            dependant dependent lebenspartner partnerschaft famil parental elternzeit sorgerecht unterhalt \
            scheidung divorc divorz enfant hijos hijas figli kinderen mariage matrimon huwelijk echtgen echtscheid gehuwd \
            conjoint coniug conyug epoux epouse etatcivil estadocivil statocivil burgerlijkestaat gezin sposat casad \
            nuptial parentesc ouderlijk alimon alimentair",
        words: "kind kinds partner partners hijo hija figlio figlia figli marie mariee fils fille filles nubile celibe \
            soltero soltera viudo viuda pacs samenwonend",
        phrases: &["a charge", "a carico", "a cargo", "ten laste", "burgerlijke staat", "personnes a charge"],
    },
    Subject {
        name: "emergency contact",
        stems: "emergen notfall nextofkin urgenc noodgeval noodcontact noodnummer",
        words: "nood sos",
        phrases: &["personne a contacter", "persona de contacto", "persona da contattare"],
    },
    Subject {
        name: "origin, opinion or orientation",
        stems: "ethnic ethni racial herkunft migrationshintergrund tradeunion gewerkschaft politi partei \
            orientation orientac orientam sexual sexuel sexuell sessual seksue pronoun pronomen pronombre pronomi diversity \
            veteran genderident transgender nonbinary etnic etnia etnisch syndica syndiq sindaca sindica vakbond vakvereniging \
            herkomst afkomst genero geslacht geschlecht geaardheid voornaamwoord origineethn identiteditgenre",
        words: "race union sex gender genders veteran sexe sexo sesso genre genere race raza razza ras origine origen origini \
            partito partido parti pronom pronoms lgbt lgbtq divers",
        phrases: &["works council member", "identite de genre", "identita di genere"],
    },
    Subject {
        name: "conduct and assessment",
        stems: "criminal strafregister fuehrungszeugnis backgroundcheck abmahnung warning disciplin performance \
            leistungsbeurteilung beurteilung terminationreason kuendigungsgrund austrittsgrund password passwort \
            kennwort signature unterschrift biometr fingerprint fingerabdruck casierjudic antecedent casellario \
            carichipend strafblad evaluation evaluacion valutazion beoordeling desempen rendimiento rendiment functionering \
            avertiss licenciem despido licenziament ontslag motifdedepart motivodebaja motivocess vertrekreden \
            motdepasse contrasen wachtwoord handtekening vingerafdruk empreinte impront sancion sanzion \
            amonesta amonizion berisping gedragsverk huella",
        words: "rating ratings secret secrets vog sanction sanctions",
        phrases: &["termination reason", "verklaring omtrent gedrag", "motif de sortie"],
    },
];
