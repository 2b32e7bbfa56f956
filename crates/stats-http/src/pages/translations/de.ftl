# The texts of the pages. Each language has a file with the same identifiers and variables.
# The program writes numbers and dates in the form of the language. A variable with [one] is a whole number.

## Frame

skip = Zum Inhalt springen
nav-main = Hauptmenü
nav-stats = Statistik
nav-evolution = Entwicklung
nav-map = Karte
nav-cartography = Risikomatrizen
nav-compliance = Konformität
nav-about = Über den Dienst
nav-help = Hilfe
nav-language = Sprache
nav-programs = Für Programme
api-browser = API-Browser
json-instance = Diese Instanz als JSON
json-threats = Bedrohungen als JSON
json-vulnerabilities = Schwachstellen als JSON
json-risks = Risiken als JSON
json-cartography = Risikomatrizen als JSON
json-compliance = Konformität als JSON
json-map = Karte als JSON
operator = Betreiber
operator-unknown = Der Betreiber dieser Instanz hat keinen Kontakt veröffentlicht.
software = Software
source-code = Quellcode
licence = Lizenz
licence-name = GNU Affero General Public License, Version 3 oder später
version = Version
release-notes = Versionshinweise
database = Datenbank

## Errors

error-number = Fehler { $status }
error-title = { $status ->
    [400] Ungültige Anfrage
    [404] Nicht gefunden
    [405] Methode nicht erlaubt
    [429] Zu viele Anfragen
    [503] Nicht verfügbar
   *[other] Fehler
}
error-explanation = { $status ->
    [400] Die Adresse enthält einen Parameter, den diese Seite nicht versteht.
    [404] Unter dieser Adresse gibt es nichts.
    [405] Die Methode ist hier nicht erlaubt.
    [429] Von Ihrer Adresse kamen zu viele Anfragen. Bitte versuchen Sie es später noch einmal.
    [503] Der Dienst ist nicht verfügbar. Bitte versuchen Sie es später noch einmal.
   *[other] Die Anfrage ist fehlgeschlagen. Der Administrator findet den Grund im Protokoll.
}
error-home = Zur Startseite

## Controls

period = Zeitraum
last-days = { $days ->
    [0] Heute
    [one] Letzter Tag
   *[other] Letzte { $days } Tage
}
measure-label = Kennzahl
measure = { $measure ->
    [rate] Einstufung (Mittelwert)
    [max_risk] Höchstes Risiko
   *[count] Häufigkeit (Zahl der Risiken)
}
order = Reihenfolge
order-name = { $order ->
    [lowest] Niedrigste zuerst
   *[highest] Höchste zuerst
}
weight-label = Gewichtung
weight = { $weight ->
    [client] Jeder Client zählt einmal
   *[analysis] Jede Analyse zählt einmal
}
weight-meaning = { $weight ->
    [client] Jeder Client zählt einmal.
   *[analysis] Jede Analyse zählt einmal.
}
top = Anzahl
top-number = { $number ->
    [one] Die erste
   *[other] Die ersten { $number }
}
view = Ansicht
view-name = { $view ->
    [europe] Europa
    [world] Welt
   *[near] Wo die meisten sind
}
show = Anzeigen
legend = Ein- oder ausblenden
legend-invert = Auswahl umkehren
date = Datum

## Pictures

figure-files = Dateien zu „{ $title }“
figure-table = Tabelle
figure-source = { $instance }, { $address }, { $date }
few-clients = Werte von weniger als { $clients } Clients sind ausgelassen.
fewer-clients = weniger als { $clients } Clients
picture-name = { $picture ->
    [risks] Risiken nach Stufe
    [risks-over-time] Entwicklung der Risiken
    [threats] Bedrohungen
    [threats-over-time] Entwicklung der Bedrohungen
    [vulnerabilities] Schwachstellen
    [vulnerabilities-over-time] Entwicklung der Schwachstellen
    [cartography] Risikomatrix
    [compliance] Konformität
    [map] Karte
   *[activity] Meldungen
}
no-stats = { $days ->
    [0] Keine Statistiken von heute.
    [one] Keine Statistiken vom letzten Tag.
   *[other] Keine Statistiken aus den letzten { $days } Tagen.
}
analyses = Analysen
clients = Clients
stats = Statistiken
reports-of = { $analyses ->
    [one] { $analyses } Analyse
   *[other] { $analyses } Analysen
} von { $clients ->
    [one] { $clients } Client
   *[other] { $clients } Clients
}
reports = { $dates ->
    [one] Mittelwert aus { $reports } am { $last }.
   *[other] Mittelwert aus bis zu { $reports } pro Tag, vom { $first } bis zum { $last }.
}
reports-gaps = { $dates ->
    [one] Am { $date } wurden weniger Analysen gemeldet als in der Woche davor: { $analyses } statt { $usual }.
   *[other] An { $dates } Tagen wurden weniger Analysen gemeldet als in der Woche davor, zum Beispiel { $analyses } statt { $usual } am { $date }.
}

## Risks

level = Stufe
level-name = { $level ->
    [low] Niedrig
    [medium] Mittel
   *[high] Hoch
}
state = { $state ->
    [residual] Restrisiko
   *[current] Aktuell
}
level-and-state = { $state ->
    [residual] { $level }, Restrisiko
   *[current] { $level }, aktuell
}
risks-unit = Mittlere Zahl der Risiken pro Analyse
risks-meaning = Aktuelle Risiken sind die von heute, Restrisiken die, die nach der geplanten Behandlung bleiben.
risks-title = { $kind ->
    [operational] Eine Analyse hat { $current } hohe operationelle Risiken; nach der Behandlung sollen { $residual } bleiben
   *[informational] Eine Analyse hat { $current } hohe Informationsrisiken; nach der Behandlung sollen { $residual } bleiben
}
risks-trend = { $direction ->
    [fell] { $kind ->
        [operational] Die Zahl hoher operationeller Risiken pro Analyse ist seit dem { $since } von { $from } auf { $to } gesunken
       *[informational] Die Zahl hoher Informationsrisiken pro Analyse ist seit dem { $since } von { $from } auf { $to } gesunken
    }
    [rose] { $kind ->
        [operational] Die Zahl hoher operationeller Risiken pro Analyse ist seit dem { $since } von { $from } auf { $to } gestiegen
       *[informational] Die Zahl hoher Informationsrisiken pro Analyse ist seit dem { $since } von { $from } auf { $to } gestiegen
    }
   *[same] { $kind ->
        [operational] Die Zahl hoher operationeller Risiken pro Analyse liegt seit dem { $since } unverändert bei { $to }
       *[informational] Die Zahl hoher Informationsrisiken pro Analyse liegt seit dem { $since } unverändert bei { $to }
    }
}

## Threats and vulnerabilities

object = { $objects ->
    [vulnerability] Schwachstelle
   *[threat] Bedrohung
}
measure-meaning = { $measure ->
    [rate] { $objects ->
        [vulnerability] Wie schwer die Analysen eine Schwachstelle einstufen, jede auf ihrer eigenen Skala.
       *[threat] Wie wahrscheinlich die Analysen eine Bedrohung einstufen, jede auf ihrer eigenen Skala.
    }
    [max_risk] { $objects ->
        [vulnerability] Das höchste Risiko einer Analyse mit dieser Schwachstelle: Auswirkung × Bedrohung × Schwachstelle.
       *[threat] Das höchste Risiko einer Analyse mit dieser Bedrohung: Auswirkung × Bedrohung × Schwachstelle.
    }
   *[count] { $objects ->
        [vulnerability] In wie vielen Risiken einer Analyse eine Schwachstelle vorkommt.
       *[threat] In wie vielen Risiken einer Analyse eine Bedrohung vorkommt.
    }
}
objects-title = { $measure ->
    [rate] { $order ->
        [lowest] Niedrigste Einstufung: { $name } ({ $value })
       *[highest] Höchste Einstufung: { $name } ({ $value })
    }
    [max_risk] { $order ->
        [lowest] Niedrigste Risiken: { $name } (höchstens { $value } in einer Analyse)
       *[highest] Höchste Risiken: { $name } ({ $value } in einer Analyse)
    }
   *[count] { $order ->
        [lowest] { $objects ->
            [vulnerability] Seltenste Schwachstelle: { $name } (in { $value } Risiken pro Analyse)
           *[threat] Seltenste Bedrohung: { $name } (in { $value } Risiken pro Analyse)
        }
       *[highest] { $objects ->
            [vulnerability] Häufigste Schwachstelle: { $name } (in { $value } Risiken pro Analyse)
           *[threat] Häufigste Bedrohung: { $name } (in { $value } Risiken pro Analyse)
        }
    }
}
objects-trend = { $direction ->
    [peaked] { $name }: Höchststand { $peak } am { $date }; davor { $from }, jetzt { $to }
    [fell] Stärkste Veränderung: { $name }, seit dem { $since } von { $from } auf { $to } gesunken
    [rose] Stärkste Veränderung: { $name }, seit dem { $since } von { $from } auf { $to } gestiegen
   *[same] { $objects ->
        [vulnerability] Keine Schwachstelle hat sich seit dem { $since } verändert
       *[threat] Keine Bedrohung hat sich seit dem { $since } verändert
    }
}
sparkline = { $name }: { $days ->
    [one] der letzte Tag
   *[other] die letzten { $days } Tage
}

## Risk matrices

impact = Auswirkung
likelihood = Eintrittswahrscheinlichkeit (Bedrohung × Schwachstelle)
probability = Wahrscheinlichkeit
matrix-title = { $state ->
    [residual] { $kind ->
        [operational] Nach der Behandlung sollen operationelle Risiken am häufigsten bei Auswirkung { $impact } und Wahrscheinlichkeit { $column } sein: { $value } von { $total }
       *[informational] Nach der Behandlung sollen Informationsrisiken am häufigsten bei Auswirkung { $impact } und Eintrittswahrscheinlichkeit { $column } sein: { $value } von { $total }
    }
   *[current] { $kind ->
        [operational] Operationelle Risiken sind am häufigsten bei Auswirkung { $impact } und Wahrscheinlichkeit { $column }: { $value } von { $total }
       *[informational] Informationsrisiken sind am häufigsten bei Auswirkung { $impact } und Eintrittswahrscheinlichkeit { $column }: { $value } von { $total }
    }
}
cartography-heading = Wie schwer und wie wahrscheinlich sind die Risiken?
cartography-lead = Die mittlere Zahl der Risiken einer Analyse je Auswirkung und Eintrittswahrscheinlichkeit, vor und nach der geplanten Behandlung.
cartography-scales = Jede Analyse hat ihre eigenen Skalen. Sie werden auf eine Auswirkung von 0 bis 4, eine Eintrittswahrscheinlichkeit von 0 bis 20 und bei operationellen Risiken auf eine Wahrscheinlichkeit von 0 bis 4 umgerechnet, wie im globalen Dashboard von MONARC. Leere Felder stehen für weniger als 0,05 Risiken.

## Compliance

category = Kategorie
compliance-measure = { $measure ->
    [target] Ziel
   *[current] Aktuell
}
compliance-title = { $referential }: { $current } bei einem Ziel von { $target }; größter Abstand: { $category }
compliance-heading = Wie weit sind die Maßnahmen umgesetzt?
compliance-lead = Der Reifegrad der Maßnahmen neben dem Ziel, nach Referenzrahmen und Kategorie: Mittelwerte der Analysen, die sie bewerten. Für eine anwendbare Maßnahme beträgt das Ziel 100 %.

## Reports

activity-unit = Anzahl pro Tag
activity-title = Gemeldet am { $date }: { $reports }

## Map

map-title = { $places ->
    [one] Ein Client zeigt seinen Standort
   *[other] { $places } Clients zeigen ihren Standort
}
map-empty = Kein Client zeigt seinen Standort.
map-description = Die häufigste Bedrohung und die häufigste Schwachstelle jedes Clients in den sieben Tagen bis zu seiner letzten Meldung: { $reports }.
map-places = Wo Clients sind. Ohne Werte, denn jeder wäre der eines einzelnen Clients.
map-outside = Clients außerhalb dieses Ausschnitts stehen in der Tabelle.
map-place = Client bei { $latitude }, { $longitude }
latitude = { $hemisphere ->
    [south] { $degrees }° S
   *[north] { $degrees }° N
}
longitude = { $hemisphere ->
    [west] { $degrees }° W
   *[east] { $degrees }° O
}
map-top = { $objects ->
    [vulnerability] Schwachstelle: { $name } (in { $value } Risiken)
   *[threat] Bedrohung: { $name } (in { $value } Risiken)
}
place = Ort
map-heading = Wo befinden sich die Clients?
map-lead = Die Karte zeigt ohne Namen die Clients, deren Koordinaten der Betreiber eingetragen hat.

## Home

home-heading = Der Stand der Informationsrisiken
home-lead = Front Offices von MONARC melden jeden Tag Statistiken ihrer Risikoanalysen. Dies sind die Mittelwerte über alle Analysen.
home-empty = Es wurden noch keine Statistiken gesammelt.
risks-column = Risiken
first-stat = Erste Statistik
last-stat = Letzte Statistik
more-risks = Wie sich Risiken entwickeln
more-objects = Alle Bedrohungen und Schwachstellen
more-map = Größere Karte
more-activity = Was gesammelt wird

## Statistics and evolution

stats-heading = Welche Risiken, Bedrohungen und Schwachstellen wiegen am schwersten?
stats-lead = Mittelwerte der Risikoanalysen aller Clients.
evolution-heading = Wie entwickeln sich Risiken, Bedrohungen und Schwachstellen?
evolution-lead = Für jeden Tag die Mittelwerte der Risikoanalysen aller Clients, die an diesem Tag Statistiken gemeldet haben.

## About

about-lead = MONARC ist ein kostenloses Werkzeug zur Analyse von Informationsrisiken. Dieser Dienst sammelt Statistiken von Risikoanalysen, damit die Nutzer voneinander lernen können: wie viele Risiken es gibt und welche Bedrohungen und Schwachstellen sie verursachen.
about-what = Was der Dienst tut
about-what-text = Jedes Front Office von MONARC sendet einmal am Tag Statistiken seiner Risikoanalysen. Der Dienst speichert sie, gibt jedem Front Office die eigenen zurück und berechnet Mittelwerte über alle. Das globale Dashboard von MONARC zeigt diese neben den eigenen Zahlen.
about-private = Was vertraulich bleibt
about-private-text = Die öffentlichen Statistiken nennen weder Clients noch Analysen. Ein Front Office kann nur seine eigenen Statistiken und die Mittelwerte über alle Clients lesen.
about-more = Mehr über diese Instanz
collected = Was gesammelt wird
collected-text = Für jede Risikoanalyse eines Clients und jeden Tag: die Zahl der Risiken nach Stufe; die Bedrohungen und die Schwachstellen mit ihrer Bezeichnung, ihrer Anzahl und ihrem Risiko; die Risikomatrizen; der Stand der Maßnahmen. Eine Zufallszahl kennzeichnet die Analyse; ihr Titel wird nicht übermittelt. Zu jedem Client speichert der Dienst einen Namen, ein geheimes Token, den Zeitpunkt der letzten Anfrage und, falls der Betreiber sie eingetragen hat, Koordinaten.
stats-by-type = Statistiken nach Typ
type = Typ
content = Inhalt
type-name = { $type ->
    [risk] Risiko
    [threat] Bedrohung
    [vulnerability] Schwachstelle
    [cartography] Kartographie
   *[compliance] Konformität
}
type-content = { $type ->
    [risk] Wie viele Risiken es gibt, nach Stufe, vor und nach der Behandlung
    [threat] Die Bedrohungen und wie viel Risiko jede verursacht
    [vulnerability] Die Schwachstellen und wie viel Risiko jede verursacht
    [cartography] Risiken nach Eintrittswahrscheinlichkeit und Auswirkung
   *[compliance] Wie weit die Maßnahmen eines Referenzrahmens umgesetzt sind
}
release = Veröffentlichung
release-text = Die öffentlichen Statistiken sind eine Veröffentlichung: Sie enthalten die ganzen Tage vor dem { $day }, wie sie bei ihrer Erstellung um { $made } gesammelt waren. Sie bleiben gleich bis zur nächsten, die nach Mitternacht erstellt wird. Hinter jedem Wert und jedem Namen, den Clients vergeben haben, stehen mindestens { $clients } Clients; was weniger gemeinsam haben, ist ausgelassen. Mittelwerte sind auf die Stellen gerundet, die die Zahl der Clients trägt.
shared = Was weitergegeben wird
shared-public = An die Öffentlichkeit: Mittelwerte über die Analysen aller Clients.
shared-map = { $figures ->
    [none] Mit der Öffentlichkeit: die Koordinaten der Clients, die welche haben, ohne Namen und Werte.
   *[shown] An die Öffentlichkeit: die Koordinaten der Clients, die welche haben, und die jeweils häufigste Bedrohung und Schwachstelle, ohne Namen.
}
shared-client = An einen Client: seine eigenen Statistiken und dieselben Mittelwerte.
shared-instance = An eine andere Instanz dieses Dienstes, falls der Betreiber Statistiken dorthin sendet: die Statistiken der Clients, deren Weitergabe eingeschaltet ist, ohne ihre Namen. Ein Client kann die Weitergabe ausschalten.

## Help

help-lead = So verbinden Sie ein Front Office von MONARC mit dieser Instanz.
help-connect = Ein Front Office verbinden
help-client = Einen Client anlegen
help-client-run = Der Administrator dieses Dienstes führt diesen Befehl aus, der das Token des neuen Clients ausgibt:
help-client-tokens = Der Befehl „{ $command }“ listet die Token aller Clients auf.
help-configure = Das Front Office einrichten
help-configure-text = Tragen Sie in der Konfiguration des Front Office das Token und die Adresse dieses Dienstes ein:
help-send = Jeden Tag Statistiken senden
help-send-run = Lassen Sie diesen Befehl als Cronjob des Front Office laufen:
help-send-check = Von Hand gestartet, meldet der Befehl Fehler. So sehen Sie, zu welchem Client ein Token gehört:
help-clients = Clients verwalten
help-commands = Befehle auf dem Rechner dieses Dienstes
command = Befehl
command-effect = Wirkung
command-text = { $command ->
    [list] Listet die Clients auf
    [rotate-token] Gibt einem Client ein neues Token
    [deactivate] Sperrt einen Client aus; activate lässt ihn wieder zu
    [sharing-deactivate] Verhindert, dass Statistiken eines Clients an andere Instanzen gesendet werden; sharing-activate erlaubt es
    [coordinates-set] Setzt einen Client auf die Karte; coordinates-unset nimmt ihn herunter
   *[delete] Löscht einen Client und seine Statistiken
}
help-more-commands = Der Befehl „{ $command }“ listet alle Befehle und ihre Optionen auf.
help-api = Die API
help-api-text = Der API-Browser beschreibt jede Route und lässt sie ausprobieren. Dem Quellcode liegt eine Anleitung zu Installation und Betrieb des Dienstes bei.
help-embed = Grafiken auf anderen Websites
help-embed-text = Jede Grafik hat eine eigene Adresse als SVG und PNG, ihre Tabelle eine als CSV. Parameter bestimmen Zeitraum, Größe, Sprache und helle oder dunkle Farben:
