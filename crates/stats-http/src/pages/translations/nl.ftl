# The texts of the pages. Each language has a file with the same identifiers and variables.
# The program writes numbers and dates in the form of the language. A variable with [one] is a whole number.

## Frame

skip = Naar de inhoud
nav-main = Hoofdmenu
nav-stats = Statistieken
nav-evolution = Ontwikkeling
nav-map = Kaart
nav-cartography = Risicomatrices
nav-compliance = Naleving
nav-about = Over deze dienst
nav-help = Hulp
nav-language = Taal
nav-programs = Voor programma’s
api-browser = API-browser
json-instance = Deze instantie als JSON
json-threats = Dreigingen als JSON
json-vulnerabilities = Kwetsbaarheden als JSON
json-risks = Risico’s als JSON
json-cartography = Risicomatrices als JSON
json-compliance = Naleving als JSON
json-map = Kaart als JSON
operator = Beheerder
operator-unknown = De beheerder van deze instantie heeft geen contactgegevens gepubliceerd.
software = Software
source-code = Broncode
licence = Licentie
licence-name = GNU Affero General Public License, versie 3 of later
version = Versie
release-notes = releasenotes
database = Database

## Errors

error-number = Fout { $status }
error-title = { $status ->
    [400] Ongeldig verzoek
    [404] Niet gevonden
    [405] Methode niet toegestaan
    [429] Te veel verzoeken
    [503] Niet beschikbaar
   *[other] Fout
}
error-explanation = { $status ->
    [400] Het adres bevat een parameter die deze pagina niet begrijpt.
    [404] Op dit adres is niets te vinden.
    [405] De methode is hier niet toegestaan.
    [429] Er kwamen te veel verzoeken van uw adres. Probeer het later opnieuw.
    [503] De dienst is niet beschikbaar. Probeer het later opnieuw.
   *[other] Het verzoek is mislukt. De beheerder vindt de oorzaak in het logboek.
}
error-home = Terug naar de startpagina

## Controls

period = Periode
last-days = { $days ->
    [0] Vandaag
    [one] Laatste dag
   *[other] Laatste { $days } dagen
}
measure-label = Indicator
measure = { $measure ->
    [rate] Kwalificatie (gemiddelde score)
    [max_risk] Hoogste risico
   *[count] Voorkomen (aantal risico’s)
}
order = Volgorde
order-name = { $order ->
    [lowest] Laagste eerst
   *[highest] Hoogste eerst
}
weight-label = Weging
weight = { $weight ->
    [client] Elke client telt één keer
   *[analysis] Elke analyse telt één keer
}
weight-meaning = { $weight ->
    [client] Elke client telt één keer.
   *[analysis] Elke analyse telt één keer.
}
top = Aantal
top-number = { $number ->
    [one] De eerste
   *[other] De eerste { $number }
}
view = Weergave
view-name = { $view ->
    [europe] Europa
    [world] Wereld
   *[near] Waar de meeste zijn
}
show = Tonen
legend = Tonen of verbergen
legend-invert = Selectie omkeren
date = Datum

## Pictures

figure-files = Bestanden van “{ $title }”
figure-table = Tabel
figure-source = { $instance }, { $address }, { $date }
few-clients = Cijfers van minder dan { $clients } clients zijn weggelaten.
fewer-clients = minder dan { $clients } clients
picture-name = { $picture ->
    [risks] Risico’s per niveau
    [risks-over-time] Ontwikkeling van risico’s
    [threats] Dreigingen
    [threats-over-time] Ontwikkeling van dreigingen
    [vulnerabilities] Kwetsbaarheden
    [vulnerabilities-over-time] Ontwikkeling van kwetsbaarheden
    [cartography] Risicomatrix
    [compliance] Naleving
    [map] Kaart
   *[activity] Aangeleverde analyses
}
no-stats = { $days ->
    [0] Geen statistieken van vandaag.
    [one] Geen statistieken van de laatste dag.
   *[other] Geen statistieken van de laatste { $days } dagen.
}
analyses = Analyses
clients = Clients
stats = Statistieken
reports-of = { $analyses ->
    [one] één analyse
   *[other] { $analyses } analyses
} van { $clients ->
    [one] één client
   *[other] { $clients } clients
}
reports = { $dates ->
    [one] Gemiddelde van { $reports } op { $last }.
   *[other] Gemiddelde van hoogstens { $reports } per dag, van { $first } tot en met { $last }.
}
reports-gaps = { $dates ->
    [one] Op { $date } zijn minder analyses aangeleverd dan in de week ervoor: { $analyses } in plaats van { $usual }.
   *[other] Op { $dates } dagen zijn minder analyses aangeleverd dan in de week ervoor, bijvoorbeeld { $analyses } in plaats van { $usual } op { $date }.
}

## Risks

level = Niveau
level-name = { $level ->
    [low] Laag
    [medium] Middel
   *[high] Hoog
}
state = { $state ->
    [residual] Resterend
   *[current] Huidig
}
level-and-state = { $state ->
    [residual] { $level }, resterend
   *[current] { $level }, huidig
}
risks-unit = Gemiddeld aantal risico’s per analyse
risks-meaning = Huidige risico’s zijn die van vandaag, resterende risico’s zijn die na de geplande behandeling overblijven.
risks-title = { $kind ->
    [operational] Een analyse telt { $current } hoge operationele risico’s; na behandeling moeten er { $residual } overblijven
   *[informational] Een analyse telt { $current } hoge informatierisico’s; na behandeling moeten er { $residual } overblijven
}
risks-trend = { $direction ->
    [fell] { $kind ->
        [operational] Het aantal hoge operationele risico’s per analyse is sinds { $since } gedaald van { $from } naar { $to }
       *[informational] Het aantal hoge informatierisico’s per analyse is sinds { $since } gedaald van { $from } naar { $to }
    }
    [rose] { $kind ->
        [operational] Het aantal hoge operationele risico’s per analyse is sinds { $since } gestegen van { $from } naar { $to }
       *[informational] Het aantal hoge informatierisico’s per analyse is sinds { $since } gestegen van { $from } naar { $to }
    }
   *[same] { $kind ->
        [operational] Het aantal hoge operationele risico’s per analyse is sinds { $since } gelijk gebleven: { $to }
       *[informational] Het aantal hoge informatierisico’s per analyse is sinds { $since } gelijk gebleven: { $to }
    }
}

## Threats and vulnerabilities

object = { $objects ->
    [vulnerability] Kwetsbaarheid
   *[threat] Dreiging
}
measure-meaning = { $measure ->
    [rate] { $objects ->
        [vulnerability] Hoe ernstig de analyses een kwetsbaarheid inschatten, elk op een eigen schaal.
       *[threat] Hoe waarschijnlijk de analyses een dreiging inschatten, elk op een eigen schaal.
    }
    [max_risk] { $objects ->
        [vulnerability] Het hoogste risico van een analyse met deze kwetsbaarheid: impact × dreiging × kwetsbaarheid.
       *[threat] Het hoogste risico van een analyse met deze dreiging: impact × dreiging × kwetsbaarheid.
    }
   *[count] { $objects ->
        [vulnerability] In hoeveel risico’s van een analyse een kwetsbaarheid voorkomt.
       *[threat] In hoeveel risico’s van een analyse een dreiging voorkomt.
    }
}
objects-title = { $measure ->
    [rate] { $order ->
        [lowest] Laagste score: { $name } ({ $value })
       *[highest] Hoogste score: { $name } ({ $value })
    }
    [max_risk] { $order ->
        [lowest] Laagste risico’s: { $name } (hoogstens { $value } in een analyse)
       *[highest] Hoogste risico’s: { $name } ({ $value } in een analyse)
    }
   *[count] { $order ->
        [lowest] { $objects ->
            [vulnerability] Zeldzaamste kwetsbaarheid: { $name } (in { $value } risico’s per analyse)
           *[threat] Zeldzaamste dreiging: { $name } (in { $value } risico’s per analyse)
        }
       *[highest] { $objects ->
            [vulnerability] Meest voorkomende kwetsbaarheid: { $name } (in { $value } risico’s per analyse)
           *[threat] Meest voorkomende dreiging: { $name } (in { $value } risico’s per analyse)
        }
    }
}
objects-trend = { $direction ->
    [peaked] { $name }: piek van { $peak } op { $date }; daarvoor { $from }, nu { $to }
    [fell] Grootste verandering: { $name }, sinds { $since } gedaald van { $from } naar { $to }
    [rose] Grootste verandering: { $name }, sinds { $since } gestegen van { $from } naar { $to }
   *[same] { $objects ->
        [vulnerability] Geen kwetsbaarheid is veranderd sinds { $since }
       *[threat] Geen dreiging is veranderd sinds { $since }
    }
}
sparkline = { $name }: { $days ->
    [one] de laatste dag
   *[other] de laatste { $days } dagen
}

## Risk matrices

impact = Impact
likelihood = Waarschijnlijkheid (dreiging × kwetsbaarheid)
probability = Waarschijnlijkheid
matrix-title = { $state ->
    [residual] { $kind ->
        [operational] Na behandeling moeten operationele risico’s het vaakst voorkomen bij impact { $impact } en waarschijnlijkheid { $column }: { $value } van { $total }
       *[informational] Na behandeling moeten informatierisico’s het vaakst voorkomen bij impact { $impact } en waarschijnlijkheid { $column }: { $value } van { $total }
    }
   *[current] { $kind ->
        [operational] Operationele risico’s komen het vaakst voor bij impact { $impact } en waarschijnlijkheid { $column }: { $value } van { $total }
       *[informational] Informatierisico’s komen het vaakst voor bij impact { $impact } en waarschijnlijkheid { $column }: { $value } van { $total }
    }
}
cartography-heading = Hoe ernstig en hoe waarschijnlijk zijn de risico’s?
cartography-lead = Het gemiddelde aantal risico’s van een analyse per impact en waarschijnlijkheid, voor en na de geplande behandeling.
cartography-scales = Elke analyse heeft eigen schalen. Ze worden omgerekend naar een impact van 0 tot 4 en een waarschijnlijkheid van 0 tot 20, of van 0 tot 4 bij operationele risico’s, zoals in het globale dashboard van MONARC. Lege vakken staan voor minder dan 0,05 risico’s.

## Compliance

category = Categorie
compliance-measure = { $measure ->
    [target] Doel
   *[current] Huidig
}
compliance-title = { $referential }: { $current } bij een doel van { $target }; grootste afstand: { $category }
compliance-heading = Hoe ver zijn de maatregelen doorgevoerd?
compliance-lead = De volwassenheid van de maatregelen naast het doel, per referentiekader en categorie: gemiddelden van de analyses die ze beoordelen. Voor een maatregel die van toepassing is, is het doel 100%.

## Reports

activity-unit = Aantal per dag
activity-title = Aangeleverd op { $date }: { $reports }

## Map

map-title = { $places ->
    [one] Eén client toont zijn locatie
   *[other] { $places } clients tonen hun locatie
}
map-empty = Geen enkele client toont zijn locatie.
map-description = De meest voorkomende dreiging en kwetsbaarheid van elke client, in de zeven dagen tot zijn laatste aanlevering: { $reports }.
map-places = Waar clients zijn. Zonder cijfers, want elk daarvan zou van één client zijn.
map-outside = Clients buiten dit beeld staan in de tabel.
map-place = Client op { $latitude }, { $longitude }
latitude = { $hemisphere ->
    [south] { $degrees }° ZB
   *[north] { $degrees }° NB
}
longitude = { $hemisphere ->
    [west] { $degrees }° WL
   *[east] { $degrees }° OL
}
map-top = { $objects ->
    [vulnerability] Kwetsbaarheid: { $name } (in { $value } risico’s)
   *[threat] Dreiging: { $name } (in { $value } risico’s)
}
place = Plaats
map-heading = Waar bevinden de clients zich?
map-lead = Op de kaart staan, zonder naam, de clients waarvan de beheerder de coördinaten heeft ingevoerd.

## Home

home-heading = De stand van de informatierisico’s
home-lead = Front offices van MONARC leveren elke dag statistieken van hun risicoanalyses aan. Dit zijn de gemiddelden van al die analyses.
home-empty = Er zijn nog geen statistieken verzameld.
risks-column = Risico’s
first-stat = Eerste statistiek
last-stat = Laatste statistiek
more-risks = Hoe risico’s zich ontwikkelen
more-objects = Alle dreigingen en kwetsbaarheden
more-map = Een grotere kaart
more-activity = Wat er wordt verzameld

## Statistics and evolution

stats-heading = Welke risico’s, dreigingen en kwetsbaarheden wegen het zwaarst?
stats-lead = Gemiddelden van de risicoanalyses van alle clients.
evolution-heading = Hoe ontwikkelen risico’s, dreigingen en kwetsbaarheden zich?
evolution-lead = Per dag de gemiddelden van de risicoanalyses van alle clients die op die dag statistieken hebben aangeleverd.

## About

about-lead = MONARC is een gratis hulpmiddel voor de analyse van informatierisico’s. Deze dienst verzamelt statistieken van risicoanalyses, zodat de gebruikers van elkaar kunnen leren: hoeveel risico’s er zijn en welke dreigingen en kwetsbaarheden ze veroorzaken.
about-what = Wat de dienst doet
about-what-text = Elk front office van MONARC stuurt één keer per dag statistieken van zijn risicoanalyses. De dienst bewaart ze, geeft elk front office de eigen statistieken terug en berekent gemiddelden van alle analyses. Het globale dashboard van MONARC toont die naast de eigen cijfers.
about-private = Wat vertrouwelijk blijft
about-private-text = De openbare statistieken noemen geen clients of analyses. Een front office kan alleen zijn eigen statistieken en de gemiddelden van alle clients lezen.
about-more = Meer over deze instantie
collected = Wat er wordt verzameld
collected-text = Voor elke risicoanalyse van een client en elke dag: het aantal risico’s per niveau; de dreigingen en de kwetsbaarheden met hun benaming, hun aantal en hun risico; de risicomatrices; de stand van de maatregelen. Een willekeurig nummer identificeert de analyse; de titel wordt niet verstuurd. Van elke client bewaart de dienst een naam, een geheim token, het tijdstip van het laatste verzoek en, als de beheerder die heeft ingevoerd, coördinaten.
stats-by-type = Statistieken per type
type = Type
content = Inhoud
type-name = { $type ->
    [risk] Risico
    [threat] Dreiging
    [vulnerability] Kwetsbaarheid
    [cartography] Cartografie
   *[compliance] Naleving
}
type-content = { $type ->
    [risk] Hoeveel risico’s er zijn, per niveau, voor en na behandeling
    [threat] De dreigingen, en hoeveel risico elke dreiging veroorzaakt
    [vulnerability] De kwetsbaarheden, en hoeveel risico elke kwetsbaarheid veroorzaakt
    [cartography] Risico’s naar waarschijnlijkheid en impact
   *[compliance] Hoe ver de maatregelen van een referentiekader zijn doorgevoerd
}
release = Publicatie
release-text = De openbare statistieken zijn een publicatie: ze bevatten de hele dagen vóór { $day }, zoals die verzameld waren toen ze werd gemaakt, om { $made }. Ze blijven gelijk tot de volgende, die na middernacht wordt gemaakt. Achter elk cijfer en elke naam die clients gaven, staan minstens { $clients } clients; wat minder clients gemeen hebben, is weggelaten. Gemiddelden zijn afgerond op de cijfers die het aantal clients draagt.
shared = Wat er wordt gedeeld
shared-public = Met het publiek: gemiddelden van de analyses van alle clients.
shared-map = { $figures ->
    [none] Met het publiek: de coördinaten van clients die deze hebben, zonder namen en cijfers.
   *[shown] Met het publiek: de coördinaten van de clients die ze hebben, en van elk de meest voorkomende dreiging en kwetsbaarheid, zonder namen.
}
shared-client = Met een client: zijn eigen statistieken en dezelfde gemiddelden.
shared-instance = Met een andere instantie van deze dienst, als de beheerder daar statistieken naartoe stuurt: de statistieken van clients die delen hebben ingeschakeld, zonder hun namen. Een client kan het delen uitschakelen.

## Help

help-lead = Hoe u een front office van MONARC met deze instantie verbindt.
help-connect = Een front office verbinden
help-client = Een client aanmaken
help-client-run = De beheerder van deze dienst voert deze opdracht uit, die het token van de nieuwe client toont:
help-client-tokens = De opdracht “{ $command }” toont de tokens van alle clients.
help-configure = Het front office instellen
help-configure-text = Vul in de configuratie van het front office het token en het adres van deze dienst in:
help-send = Elke dag statistieken sturen
help-send-run = Voer deze opdracht uit als cronjob van het front office:
help-send-check = Met de hand gestart meldt de opdracht fouten. Zo ziet u bij welke client een token hoort:
help-clients = Clients beheren
help-commands = Opdrachten op de machine van deze dienst
command = Opdracht
command-effect = Wat de opdracht doet
command-text = { $command ->
    [list] Toont de clients
    [rotate-token] Geeft een client een nieuw token
    [deactivate] Sluit een client buiten; activate laat hem weer toe
    [sharing-deactivate] Voorkomt dat statistieken van een client naar andere instanties worden gestuurd; sharing-activate staat het toe
    [coordinates-set] Zet een client op de kaart; coordinates-unset haalt hem eraf
   *[delete] Verwijdert een client en zijn statistieken
}
help-more-commands = De opdracht “{ $command }” toont alle opdrachten en hun opties.
help-api = De API
help-api-text = De API-browser beschrijft elke route en laat u die uitproberen. Bij de broncode horen instructies om de dienst te installeren en te gebruiken.
help-embed = Grafieken op andere websites
help-embed-text = Elke grafiek heeft een eigen adres als SVG en PNG, en de tabel als CSV. Parameters bepalen de periode, de grootte, de taal en lichte of donkere kleuren:
