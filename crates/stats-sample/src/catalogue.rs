use uuid::Uuid;

use crate::dice::Dice;

/// What something is called in French, English, German and Dutch.
pub(crate) type Labels = [&'static str; 4];

/// A threat, and the vulnerabilities by which it comes true.
pub(crate) struct Threat {
    pub(crate) labels: Labels,
    pub(crate) vulnerabilities: [Labels; 2],
}

/// A chapter of the referential.
pub(crate) struct Category {
    pub(crate) labels: Labels,
    /// How many controls it has.
    pub(crate) controls: u32,
}

/// The things that are known by a UUID, which is the same in every sample.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Threat = 1,
    Vulnerability,
    Referential,
    Measure,
}

/// The UUID of the thing `number` of a kind.
pub(crate) fn uuid(kind: Kind, number: usize) -> Uuid {
    const CATALOGUE: u64 = u64::from_be_bytes(*b"MONARC..");
    Dice::new(CATALOGUE, ((kind as u64) << 32) + number as u64).uuid()
}

/// What the made-up referential is called.
pub(crate) const REFERENTIAL: Labels = [
    "Référentiel d'exemple",
    "Sample referential",
    "Beispielreferenzwerk",
    "Voorbeeldreferentiekader",
];

/// Threats by which a risk analysis might be moved.
pub(crate) static THREATS: [Threat; 30] = [
    Threat {
        labels: ["Hameçonnage", "Phishing", "Phishing", "Phishing"],
        vulnerabilities: [
            [
                "Filtrage insuffisant du courrier électronique",
                "Weak filtering of incoming e-mail",
                "Unzureichende Filterung eingehender E-Mails",
                "Onvoldoende filtering van inkomende e-mail",
            ],
            [
                "Personnel peu entraîné à reconnaître les messages trompeurs",
                "Staff little trained to spot deceptive messages",
                "Personal ist kaum geschult, betrügerische Nachrichten zu erkennen",
                "Personeel is weinig getraind in het herkennen van misleidende berichten",
            ],
        ],
    },
    Threat {
        labels: ["Rançongiciel", "Ransomware", "Ransomware", "Gijzelsoftware"],
        vulnerabilities: [
            [
                "Sauvegardes accessibles depuis le réseau de production",
                "Backups reachable from the production network",
                "Backups sind aus dem Produktionsnetz erreichbar",
                "Back-ups zijn bereikbaar vanuit het productienetwerk",
            ],
            [
                "Restauration jamais exercée",
                "Restoring is never rehearsed",
                "Wiederherstellung wird nie geübt",
                "Herstel wordt nooit geoefend",
            ],
        ],
    },
    Threat {
        labels: [
            "Infection par un logiciel malveillant",
            "Malware infection",
            "Befall durch Schadsoftware",
            "Besmetting met malware",
        ],
        vulnerabilities: [
            [
                "Signatures antivirus obsolètes",
                "Outdated antivirus signatures",
                "Veraltete Virensignaturen",
                "Verouderde antivirusdefinities",
            ],
            [
                "Supports amovibles autorisés sans contrôle",
                "Removable media allowed without checks",
                "Wechseldatenträger ohne Prüfung zugelassen",
                "Verwisselbare media toegestaan zonder controle",
            ],
        ],
    },
    Threat {
        labels: [
            "Vol d'un ordinateur portable",
            "Theft of a laptop",
            "Diebstahl eines Laptops",
            "Diefstal van een laptop",
        ],
        vulnerabilities: [
            [
                "Disques non chiffrés",
                "Unencrypted disks",
                "Unverschlüsselte Festplatten",
                "Niet-versleutelde schijven",
            ],
            [
                "Appareils laissés sans surveillance",
                "Devices left unattended",
                "Unbeaufsichtigte Geräte",
                "Onbeheerd achtergelaten apparaten",
            ],
        ],
    },
    Threat {
        labels: ["Incendie", "Fire", "Brand", "Brand"],
        vulnerabilities: [
            [
                "Salle des serveurs sans détection de fumée",
                "No smoke detection in the server room",
                "Keine Rauchmelder im Serverraum",
                "Geen rookdetectie in de serverruimte",
            ],
            [
                "Matériaux inflammables entreposés près des serveurs",
                "Flammable material stored near the servers",
                "Brennbares Material in der Nähe der Server gelagert",
                "Brandbaar materiaal opgeslagen bij de servers",
            ],
        ],
    },
    Threat {
        labels: [
            "Dégât des eaux",
            "Water damage",
            "Wasserschaden",
            "Waterschade",
        ],
        vulnerabilities: [
            [
                "Canalisations au-dessus des équipements",
                "Water pipes above the equipment",
                "Wasserleitungen oberhalb der Geräte",
                "Waterleidingen boven de apparatuur",
            ],
            [
                "Serveurs installés dans un sous-sol inondable",
                "Servers in a basement prone to flooding",
                "Server in einem überflutungsgefährdeten Keller",
                "Servers in een kelder die kan overstromen",
            ],
        ],
    },
    Threat {
        labels: [
            "Coupure de courant",
            "Power cut",
            "Stromausfall",
            "Stroomonderbreking",
        ],
        vulnerabilities: [
            [
                "Absence d'onduleur",
                "No uninterruptible power supply",
                "Keine unterbrechungsfreie Stromversorgung",
                "Geen ononderbroken stroomvoorziening",
            ],
            [
                "Groupe électrogène non entretenu",
                "Emergency generator not maintained",
                "Notstromaggregat wird nicht gewartet",
                "Noodaggregaat wordt niet onderhouden",
            ],
        ],
    },
    Threat {
        labels: [
            "Panne de climatisation",
            "Air conditioning failure",
            "Ausfall der Klimaanlage",
            "Uitval van de airconditioning",
        ],
        vulnerabilities: [
            [
                "Température de la salle non surveillée",
                "Room temperature not monitored",
                "Raumtemperatur wird nicht überwacht",
                "Ruimtetemperatuur wordt niet bewaakt",
            ],
            [
                "Refroidissement sans redondance",
                "Cooling without redundancy",
                "Kühlung ohne Redundanz",
                "Koeling zonder redundantie",
            ],
        ],
    },
    Threat {
        labels: [
            "Panne de disque",
            "Disk failure",
            "Festplattenausfall",
            "Schijfdefect",
        ],
        vulnerabilities: [
            [
                "Stockage sans redondance",
                "Storage without redundancy",
                "Speicher ohne Redundanz",
                "Opslag zonder redundantie",
            ],
            [
                "Matériel en fin de vie",
                "Hardware at the end of its life",
                "Hardware am Ende ihrer Lebensdauer",
                "Hardware aan het einde van de levensduur",
            ],
        ],
    },
    Threat {
        labels: [
            "Perte de la connexion à Internet",
            "Loss of the Internet connection",
            "Ausfall der Internetverbindung",
            "Uitval van de internetverbinding",
        ],
        vulnerabilities: [
            [
                "Fournisseur d'accès unique",
                "Only one access provider",
                "Nur ein Internetanbieter",
                "Slechts één internetprovider",
            ],
            [
                "Aucun équipement réseau de rechange",
                "No spare network equipment",
                "Keine Ersatzgeräte für das Netzwerk",
                "Geen reserveapparatuur voor het netwerk",
            ],
        ],
    },
    Threat {
        labels: [
            "Attaque par déni de service",
            "Denial-of-service attack",
            "Denial-of-Service-Angriff",
            "Denial-of-service-aanval",
        ],
        vulnerabilities: [
            [
                "Trafic entrant non limité",
                "Incoming traffic is not limited",
                "Eingehender Datenverkehr wird nicht begrenzt",
                "Inkomend verkeer wordt niet begrensd",
            ],
            [
                "Serveurs sous-dimensionnés",
                "Undersized servers",
                "Zu knapp bemessene Server",
                "Te krap bemeten servers",
            ],
        ],
    },
    Threat {
        labels: [
            "Intrusion dans le réseau",
            "Network intrusion",
            "Eindringen in das Netzwerk",
            "Inbraak in het netwerk",
        ],
        vulnerabilities: [
            [
                "Réseau non segmenté",
                "Network without segmentation",
                "Netzwerk ohne Segmentierung",
                "Netwerk zonder segmentatie",
            ],
            [
                "Règles de pare-feu jamais revues",
                "Firewall rules never reviewed",
                "Firewall-Regeln werden nie überprüft",
                "Firewallregels worden nooit herzien",
            ],
        ],
    },
    Threat {
        labels: [
            "Interception des communications",
            "Interception of communications",
            "Abhören der Kommunikation",
            "Onderschepping van communicatie",
        ],
        vulnerabilities: [
            [
                "Données transmises en clair",
                "Data sent in the clear",
                "Daten werden im Klartext übertragen",
                "Gegevens worden onversleuteld verstuurd",
            ],
            [
                "Réseau sans fil mal protégé",
                "Poorly protected wireless network",
                "Schlecht geschütztes Funknetz",
                "Slecht beveiligd draadloos netwerk",
            ],
        ],
    },
    Threat {
        labels: [
            "Vol d'identifiants",
            "Credential theft",
            "Diebstahl von Zugangsdaten",
            "Diefstal van inloggegevens",
        ],
        vulnerabilities: [
            [
                "Authentification à un seul facteur",
                "Single-factor authentication",
                "Anmeldung mit nur einem Faktor",
                "Authenticatie met slechts één factor",
            ],
            [
                "Mots de passe réutilisés",
                "Reused passwords",
                "Mehrfach verwendete Passwörter",
                "Hergebruikte wachtwoorden",
            ],
        ],
    },
    Threat {
        labels: [
            "Abus de privilèges",
            "Abuse of privileges",
            "Missbrauch von Berechtigungen",
            "Misbruik van bevoegdheden",
        ],
        vulnerabilities: [
            [
                "Droits d'administration accordés trop largement",
                "Administrator rights granted too widely",
                "Zu großzügig vergebene Administratorrechte",
                "Te ruim toegekende beheerdersrechten",
            ],
            [
                "Comptes d'anciens collaborateurs encore actifs",
                "Accounts of former staff still active",
                "Konten ehemaliger Mitarbeiter noch aktiv",
                "Accounts van vertrokken medewerkers nog actief",
            ],
        ],
    },
    Threat {
        labels: [
            "Erreur de saisie",
            "Data entry error",
            "Eingabefehler",
            "Invoerfout",
        ],
        vulnerabilities: [
            [
                "Formulaires sans contrôle de plausibilité",
                "Forms without plausibility checks",
                "Formulare ohne Plausibilitätsprüfung",
                "Formulieren zonder plausibiliteitscontrole",
            ],
            [
                "Procédures de travail non documentées",
                "Work procedures not documented",
                "Nicht dokumentierte Arbeitsabläufe",
                "Niet-gedocumenteerde werkprocedures",
            ],
        ],
    },
    Threat {
        labels: [
            "Suppression accidentelle de données",
            "Accidental deletion of data",
            "Versehentliches Löschen von Daten",
            "Onbedoeld wissen van gegevens",
        ],
        vulnerabilities: [
            [
                "Sauvegardes trop rares",
                "Backups made too rarely",
                "Zu seltene Datensicherung",
                "Te weinig back-ups",
            ],
            [
                "Droits d'écriture accordés par défaut",
                "Write access granted by default",
                "Standardmäßig gewährter Schreibzugriff",
                "Standaard toegekende schrijfrechten",
            ],
        ],
    },
    Threat {
        labels: ["Fuite de données", "Data leak", "Datenleck", "Datalek"],
        vulnerabilities: [
            [
                "Informations non classifiées",
                "Information not classified",
                "Nicht klassifizierte Informationen",
                "Niet-geclassificeerde informatie",
            ],
            [
                "Fichiers déposés sur des services en ligne non approuvés",
                "Files put on unapproved online services",
                "Ablage von Dateien bei nicht freigegebenen Online-Diensten",
                "Bestanden geplaatst op niet-goedgekeurde onlinediensten",
            ],
        ],
    },
    Threat {
        labels: [
            "Exploitation d'une faille logicielle",
            "Exploitation of a software flaw",
            "Ausnutzung einer Softwareschwachstelle",
            "Misbruik van een softwarelek",
        ],
        vulnerabilities: [
            [
                "Correctifs appliqués tardivement",
                "Patches applied late",
                "Verspätet eingespielte Patches",
                "Laat geïnstalleerde patches",
            ],
            [
                "Logiciels qui ne sont plus maintenus",
                "Software no longer maintained",
                "Nicht mehr gepflegte Software",
                "Software die niet meer wordt onderhouden",
            ],
        ],
    },
    Threat {
        labels: [
            "Défaut logiciel",
            "Software defect",
            "Softwarefehler",
            "Softwarefout",
        ],
        vulnerabilities: [
            [
                "Mises en production sans essais",
                "Releases without testing",
                "Inbetriebnahme ohne Tests",
                "Ingebruikname zonder tests",
            ],
            [
                "Environnements de test et de production non séparés",
                "Test and production environments not separated",
                "Test- und Produktivumgebung nicht getrennt",
                "Test- en productieomgeving niet gescheiden",
            ],
        ],
    },
    Threat {
        labels: [
            "Erreur de configuration",
            "Misconfiguration",
            "Fehlkonfiguration",
            "Configuratiefout",
        ],
        vulnerabilities: [
            [
                "Modifications faites sans approbation",
                "Changes made without approval",
                "Änderungen ohne Freigabe",
                "Wijzigingen zonder goedkeuring",
            ],
            [
                "Réglages d'usine conservés",
                "Factory settings kept",
                "Beibehaltene Werkseinstellungen",
                "Ongewijzigde fabrieksinstellingen",
            ],
        ],
    },
    Threat {
        labels: [
            "Défaillance d'un prestataire",
            "Failure of a supplier",
            "Ausfall eines Dienstleisters",
            "Uitval van een dienstverlener",
        ],
        vulnerabilities: [
            [
                "Contrats sans engagement de niveau de service",
                "Contracts without service levels",
                "Verträge ohne zugesichertes Serviceniveau",
                "Contracten zonder afspraken over het serviceniveau",
            ],
            [
                "Dépendance à un fournisseur unique",
                "Dependence on a single supplier",
                "Abhängigkeit von einem einzigen Anbieter",
                "Afhankelijkheid van één leverancier",
            ],
        ],
    },
    Threat {
        labels: [
            "Accès physique non autorisé",
            "Unauthorised physical access",
            "Unbefugter Zutritt",
            "Onbevoegde fysieke toegang",
        ],
        vulnerabilities: [
            [
                "Visiteurs non accompagnés",
                "Visitors not escorted",
                "Unbegleitete Besucher",
                "Bezoekers zonder begeleiding",
            ],
            [
                "Badges perdus jamais désactivés",
                "Lost badges never disabled",
                "Verlorene Zutrittskarten werden nie gesperrt",
                "Verloren toegangspassen worden nooit geblokkeerd",
            ],
        ],
    },
    Threat {
        labels: ["Sabotage", "Sabotage", "Sabotage", "Sabotage"],
        vulnerabilities: [
            [
                "Abords du site mal protégés",
                "Poorly protected site perimeter",
                "Unzureichend gesichertes Gelände",
                "Slecht beveiligd terrein",
            ],
            [
                "Actions sensibles non journalisées",
                "Sensitive actions not logged",
                "Sensible Vorgänge werden nicht protokolliert",
                "Gevoelige handelingen worden niet gelogd",
            ],
        ],
    },
    Threat {
        labels: [
            "Ingénierie sociale",
            "Social engineering",
            "Social Engineering",
            "Social engineering",
        ],
        vulnerabilities: [
            [
                "Identité des appelants non vérifiée",
                "Identity of callers not checked",
                "Identität von Anrufern wird nicht geprüft",
                "Identiteit van bellers wordt niet gecontroleerd",
            ],
            [
                "Trop d'informations publiées sur l'organisation",
                "Too much published about the organisation",
                "Zu viele veröffentlichte Angaben über die Organisation",
                "Te veel gepubliceerd over de organisatie",
            ],
        ],
    },
    Threat {
        labels: [
            "Absence d'une personne clé",
            "Absence of a key person",
            "Ausfall einer Schlüsselperson",
            "Afwezigheid van een sleutelfiguur",
        ],
        vulnerabilities: [
            [
                "Savoir-faire détenu par une seule personne",
                "Know-how held by one person only",
                "Wissen liegt bei einer einzigen Person",
                "Kennis berust bij één persoon",
            ],
            [
                "Remplaçants non désignés",
                "No deputies appointed",
                "Keine Vertretung benannt",
                "Geen vervangers aangewezen",
            ],
        ],
    },
    Threat {
        labels: [
            "Perte de documents papier",
            "Loss of paper documents",
            "Verlust von Papierdokumenten",
            "Verlies van papieren documenten",
        ],
        vulnerabilities: [
            [
                "Documents laissés sur les bureaux",
                "Documents left on desks",
                "Auf Schreibtischen liegen gelassene Dokumente",
                "Documenten die op bureaus blijven liggen",
            ],
            [
                "Armoires sans serrure",
                "Cabinets without locks",
                "Schränke ohne Schloss",
                "Kasten zonder slot",
            ],
        ],
    },
    Threat {
        labels: [
            "Mise au rebut négligente",
            "Careless disposal",
            "Nachlässige Entsorgung",
            "Onzorgvuldige afvoer",
        ],
        vulnerabilities: [
            [
                "Disques non effacés avant recyclage",
                "Disks not wiped before recycling",
                "Festplatten werden vor dem Recycling nicht gelöscht",
                "Schijven worden vóór recycling niet gewist",
            ],
            [
                "Aucun destructeur de documents",
                "No paper shredders",
                "Keine Aktenvernichter",
                "Geen papierversnipperaars",
            ],
        ],
    },
    Threat {
        labels: ["Fraude", "Fraud", "Betrug", "Fraude"],
        vulnerabilities: [
            [
                "Tâches incompatibles confiées à une même personne",
                "Conflicting duties given to one person",
                "Unvereinbare Aufgaben in einer Hand",
                "Onverenigbare taken bij één persoon",
            ],
            [
                "Paiements sans seconde validation",
                "Payments without a second approval",
                "Zahlungen ohne zweite Freigabe",
                "Betalingen zonder tweede goedkeuring",
            ],
        ],
    },
    Threat {
        labels: [
            "Violation d'une obligation légale",
            "Breach of a legal obligation",
            "Verstoß gegen eine gesetzliche Pflicht",
            "Schending van een wettelijke verplichting",
        ],
        vulnerabilities: [
            [
                "Registre des traitements incomplet",
                "Incomplete record of data processing",
                "Unvollständiges Verzeichnis der Verarbeitungstätigkeiten",
                "Onvolledig register van verwerkingen",
            ],
            [
                "Durées de conservation non définies",
                "Retention periods not defined",
                "Aufbewahrungsfristen nicht festgelegt",
                "Bewaartermijnen niet vastgelegd",
            ],
        ],
    },
];

/// The chapters of the made-up referential.
pub(crate) static CATEGORIES: [Category; 14] = [
    Category {
        labels: ["Gouvernance", "Governance", "Steuerung", "Bestuur"],
        controls: 4,
    },
    Category {
        labels: [
            "Gestion des risques",
            "Risk management",
            "Risikomanagement",
            "Risicobeheer",
        ],
        controls: 5,
    },
    Category {
        labels: [
            "Sensibilisation et formation",
            "Awareness and training",
            "Sensibilisierung und Schulung",
            "Bewustwording en opleiding",
        ],
        controls: 4,
    },
    Category {
        labels: [
            "Inventaire du matériel et des données",
            "Inventory of equipment and data",
            "Verzeichnis der Geräte und Daten",
            "Inventaris van apparatuur en gegevens",
        ],
        controls: 6,
    },
    Category {
        labels: [
            "Identités et accès",
            "Identities and access",
            "Identitäten und Zugriffe",
            "Identiteiten en toegang",
        ],
        controls: 8,
    },
    Category {
        labels: [
            "Chiffrement",
            "Encryption",
            "Verschlüsselung",
            "Versleuteling",
        ],
        controls: 4,
    },
    Category {
        labels: [
            "Locaux et équipements",
            "Premises and equipment",
            "Räume und Ausstattung",
            "Gebouwen en uitrusting",
        ],
        controls: 8,
    },
    Category {
        labels: [
            "Sauvegarde et restauration",
            "Backup and recovery",
            "Datensicherung und Wiederherstellung",
            "Back-up en herstel",
        ],
        controls: 5,
    },
    Category {
        labels: [
            "Correctifs et vulnérabilités",
            "Patches and vulnerabilities",
            "Patches und Schwachstellen",
            "Patches en kwetsbaarheden",
        ],
        controls: 6,
    },
    Category {
        labels: ["Réseaux", "Networks", "Netzwerke", "Netwerken"],
        controls: 7,
    },
    Category {
        labels: [
            "Développement et achats",
            "Development and purchasing",
            "Entwicklung und Beschaffung",
            "Ontwikkeling en aankoop",
        ],
        controls: 6,
    },
    Category {
        labels: ["Fournisseurs", "Suppliers", "Lieferanten", "Leveranciers"],
        controls: 5,
    },
    Category {
        labels: [
            "Traitement des incidents",
            "Incident handling",
            "Umgang mit Vorfällen",
            "Afhandeling van incidenten",
        ],
        controls: 6,
    },
    Category {
        labels: [
            "Conformité et audit",
            "Compliance and audit",
            "Konformität und Audit",
            "Naleving en audit",
        ],
        controls: 6,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn all_labels() -> Vec<Labels> {
        let threats = THREATS
            .iter()
            .flat_map(|threat| [vec![threat.labels], threat.vulnerabilities.to_vec()].concat());
        let categories = CATEGORIES.iter().map(|category| category.labels);
        threats.chain(categories).chain([REFERENTIAL]).collect()
    }

    #[test]
    fn no_label_is_empty_needs_escaping_or_comes_twice_in_a_language() {
        for language in 0..4 {
            let mut seen = HashSet::new();
            for labels in all_labels() {
                let label = labels[language];
                assert!(!label.is_empty() && label.trim() == label, "{labels:?}");
                assert!(
                    !label.contains(|c: char| c.is_control() || "\"\\".contains(c)),
                    "{label}"
                );
                assert!(seen.insert(label), "{label}");
            }
        }
    }

    #[test]
    fn every_thing_has_its_own_uuid_which_never_changes() {
        let kinds = [
            Kind::Threat,
            Kind::Vulnerability,
            Kind::Referential,
            Kind::Measure,
        ];
        let uuids = kinds
            .into_iter()
            .flat_map(|kind| (0..1000).map(move |number| uuid(kind, number)));
        assert_eq!(uuids.collect::<HashSet<_>>().len(), 4000);
        assert_eq!(
            uuid(Kind::Threat, 0).to_string(),
            "7cb16521-7746-424a-b0b7-e4896aa07062"
        );
    }
}
