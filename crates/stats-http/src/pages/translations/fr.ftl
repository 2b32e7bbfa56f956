# The texts of the pages. Each language has a file with the same identifiers and variables.
# The program writes numbers and dates in the form of the language. A variable with [one] is a whole number.

## Frame

skip = Aller au contenu
nav-main = Menu principal
nav-stats = Statistiques
nav-evolution = Évolution
nav-map = Carte
nav-cartography = Matrices des risques
nav-compliance = Conformité
nav-about = À propos
nav-help = Aide
nav-language = Langue
nav-programs = Pour les programmes
api-browser = Explorateur de l’API
json-instance = Cette instance en JSON
json-threats = Menaces en JSON
json-vulnerabilities = Vulnérabilités en JSON
json-risks = Risques en JSON
json-cartography = Matrices des risques en JSON
json-compliance = Conformité en JSON
json-map = Carte en JSON
operator = Exploitant
operator-unknown = L’exploitant de cette instance n’a pas publié de contact.
software = Logiciel
source-code = Code source
licence = Licence
licence-name = GNU Affero General Public License, version 3 ou ultérieure
version = Version
release-notes = notes de version
database = Base de données

## Errors

error-number = Erreur { $status }
error-title = { $status ->
    [400] Requête incorrecte
    [404] Page introuvable
    [405] Méthode non autorisée
    [429] Trop de requêtes
    [503] Service indisponible
   *[other] Erreur
}
error-explanation = { $status ->
    [400] L’adresse contient un paramètre que cette page ne comprend pas.
    [404] Il n’y a rien à cette adresse.
    [405] La méthode n’est pas autorisée ici.
    [429] Trop de requêtes sont venues de votre adresse. Veuillez réessayer dans quelque temps.
    [503] Le service n’est pas disponible. Veuillez réessayer dans quelque temps.
   *[other] La requête a échoué. L’administrateur en trouvera la cause dans le journal.
}
error-home = Retour à l’accueil

## Controls

period = Période
last-days = { $days ->
    [0] Aujourd’hui
    [one] Dernier jour
   *[other] { $days } derniers jours
}
measure-label = Indicateur
measure = { $measure ->
    [rate] Qualification (note moyenne)
    [max_risk] Risque le plus élevé
   *[count] Occurrence (nombre de risques)
}
order = Ordre
order-name = { $order ->
    [lowest] Croissant
   *[highest] Décroissant
}
weight-label = Pondération
weight = { $weight ->
    [client] Chaque client compte une fois
   *[analysis] Chaque analyse compte une fois
}
weight-meaning = { $weight ->
    [client] Chaque client compte une fois.
   *[analysis] Chaque analyse compte une fois.
}
top = Nombre
top-number = { $number ->
    [one] La première
   *[other] Les { $number } premières
}
view = Vue
view-name = { $view ->
    [europe] Europe
    [world] Monde
   *[near] Là où ils sont le plus nombreux
}
show = Afficher
legend = Afficher ou masquer
legend-invert = Inverser la sélection
date = Date

## Pictures

figure-files = Fichiers de « { $title } »
figure-table = Tableau
figure-source = { $instance }, { $address }, { $date }
few-clients = Les chiffres de moins de { $clients } clients sont omis.
fewer-clients = moins de { $clients } clients
picture-name = { $picture ->
    [risks] Risques par niveau
    [risks-over-time] Évolution des risques
    [threats] Menaces
    [threats-over-time] Évolution des menaces
    [vulnerabilities] Vulnérabilités
    [vulnerabilities-over-time] Évolution des vulnérabilités
    [cartography] Matrice des risques
    [compliance] Conformité
    [map] Carte
   *[activity] Envois
}
no-stats = { $days ->
    [0] Aucune statistique pour aujourd’hui.
    [one] Aucune statistique pour le dernier jour.
   *[other] Aucune statistique pour les { $days } derniers jours.
}
analyses = Analyses
clients = Clients
stats = Statistiques
reports-of = { $analyses ->
    [one] { $analyses } analyse
   *[other] { $analyses } analyses
} de { $clients ->
    [one] { $clients } client
   *[other] { $clients } clients
}
reports = { $dates ->
    [one] Moyenne sur { $reports }, le { $last }.
   *[other] Moyenne sur au plus { $reports } par jour, du { $first } au { $last }.
}
reports-gaps = { $dates ->
    [one] Le { $date }, moins d’analyses ont été transmises que la semaine précédente : { $analyses } au lieu de { $usual }.
   *[other] À { $dates } dates, moins d’analyses ont été transmises que la semaine précédente : par exemple { $analyses } au lieu de { $usual } le { $date }.
}

## Risks

level = Niveau
level-name = { $level ->
    [low] Faible
    [medium] Moyen
   *[high] Élevé
}
state = { $state ->
    [residual] Résiduel
   *[current] Actuel
}
level-and-state = { $state ->
    [residual] { $level }, résiduel
   *[current] { $level }, actuel
}
risks-unit = Nombre moyen de risques par analyse
risks-meaning = Les risques actuels sont ceux d’aujourd’hui ; les risques résiduels sont ceux qui resteront après le traitement prévu.
risks-title = { $kind ->
    [operational] Risques opérationnels élevés : { $current } par analyse, { $residual } après le traitement prévu
   *[informational] Risques de l’information élevés : { $current } par analyse, { $residual } après le traitement prévu
}
risks-trend = { $direction ->
    [fell] { $kind ->
        [operational] Les risques opérationnels élevés ont baissé de { $from } à { $to } par analyse depuis le { $since }
       *[informational] Les risques de l’information élevés ont baissé de { $from } à { $to } par analyse depuis le { $since }
    }
    [rose] { $kind ->
        [operational] Les risques opérationnels élevés ont augmenté de { $from } à { $to } par analyse depuis le { $since }
       *[informational] Les risques de l’information élevés ont augmenté de { $from } à { $to } par analyse depuis le { $since }
    }
   *[same] { $kind ->
        [operational] Les risques opérationnels élevés sont restés à { $to } par analyse depuis le { $since }
       *[informational] Les risques de l’information élevés sont restés à { $to } par analyse depuis le { $since }
    }
}

## Threats and vulnerabilities

object = { $objects ->
    [vulnerability] Vulnérabilité
   *[threat] Menace
}
measure-meaning = { $measure ->
    [rate] { $objects ->
        [vulnerability] La gravité que les analyses attribuent à une vulnérabilité, chacune sur sa propre échelle.
       *[threat] La probabilité que les analyses attribuent à une menace, chacune sur sa propre échelle.
    }
    [max_risk] { $objects ->
        [vulnerability] Le risque le plus élevé d’une analyse avec cette vulnérabilité : impact × menace × vulnérabilité.
       *[threat] Le risque le plus élevé d’une analyse avec cette menace : impact × menace × vulnérabilité.
    }
   *[count] { $objects ->
        [vulnerability] Le nombre de risques d’une analyse dans lesquels une vulnérabilité intervient.
       *[threat] Le nombre de risques d’une analyse dans lesquels une menace intervient.
    }
}
objects-title = { $measure ->
    [rate] { $order ->
        [lowest] Note la plus basse : { $name } ({ $value })
       *[highest] Note la plus élevée : { $name } ({ $value })
    }
    [max_risk] { $order ->
        [lowest] Risques les plus faibles : { $name } (au plus { $value } dans une analyse)
       *[highest] Risques les plus élevés : { $name } ({ $value } dans une analyse)
    }
   *[count] { $order ->
        [lowest] { $objects ->
            [vulnerability] Vulnérabilité la plus rare : { $name } (risques par analyse : { $value })
           *[threat] Menace la plus rare : { $name } (risques par analyse : { $value })
        }
       *[highest] { $objects ->
            [vulnerability] Vulnérabilité la plus fréquente : { $name } (risques par analyse : { $value })
           *[threat] Menace la plus fréquente : { $name } (risques par analyse : { $value })
        }
    }
}
objects-trend = { $direction ->
    [peaked] { $name } : pic à { $peak } le { $date } ; auparavant { $from }, désormais { $to }
    [fell] Plus forte évolution : { $name }, en baisse depuis le { $since } (de { $from } à { $to })
    [rose] Plus forte évolution : { $name }, en hausse depuis le { $since } (de { $from } à { $to })
   *[same] { $objects ->
        [vulnerability] Aucune vulnérabilité n’a évolué depuis le { $since }
       *[threat] Aucune menace n’a évolué depuis le { $since }
    }
}
sparkline = { $name } : { $days ->
    [one] le dernier jour
   *[other] les { $days } derniers jours
}

## Risk matrices

impact = Impact
likelihood = Vraisemblance (menace × vulnérabilité)
probability = Probabilité
matrix-title = { $state ->
    [residual] { $kind ->
        [operational] Après traitement, les risques opérationnels les plus nombreux seraient à l’impact { $impact } et à la probabilité { $column } : { $value } sur { $total }
       *[informational] Après traitement, les risques de l’information les plus nombreux seraient à l’impact { $impact } et à la vraisemblance { $column } : { $value } sur { $total }
    }
   *[current] { $kind ->
        [operational] Les risques opérationnels les plus nombreux sont à l’impact { $impact } et à la probabilité { $column } : { $value } sur { $total }
       *[informational] Les risques de l’information les plus nombreux sont à l’impact { $impact } et à la vraisemblance { $column } : { $value } sur { $total }
    }
}
cartography-heading = Quels sont l’impact et la vraisemblance des risques ?
cartography-lead = Le nombre moyen de risques d’une analyse pour chaque impact et chaque vraisemblance, avant et après le traitement prévu.
cartography-scales = Chaque analyse a ses propres échelles. Elles sont ramenées à un impact de 0 à 4, à une vraisemblance de 0 à 20 et à une probabilité de 0 à 4, comme dans le tableau de bord global de MONARC. Les cases vides correspondent à moins de 0,05 risque.

## Compliance

category = Catégorie
compliance-measure = { $measure ->
    [target] Cible
   *[current] Actuel
}
compliance-title = { $referential } : { $current } pour une cible de { $target } ; plus grand écart : { $category }
compliance-heading = Où en est la mise en œuvre des mesures ?
compliance-lead = La maturité des mesures comparée à la cible, par référentiel et par catégorie : moyennes des analyses qui les évaluent. La cible d’une mesure applicable est de 100 %.

## Reports

activity-unit = Nombre par date
activity-title = Envois du { $date } : { $reports }

## Map

map-title = { $places ->
    [one] { $places } client indique où il se trouve
   *[other] { $places } clients indiquent où ils se trouvent
}
map-empty = Aucun client n’indique où il se trouve.
map-description = La menace et la vulnérabilité les plus fréquentes de chaque client, sur les sept jours jusqu’à son dernier envoi : { $reports }.
map-places = Où sont les clients. Sans chiffres, car chacun serait celui d’un seul client.
map-outside = Les clients hors de cette vue figurent dans le tableau.
map-place = Client à { $latitude }, { $longitude }
latitude = { $hemisphere ->
    [south] { $degrees }° S
   *[north] { $degrees }° N
}
longitude = { $hemisphere ->
    [west] { $degrees }° O
   *[east] { $degrees }° E
}
map-top = { $objects ->
    [vulnerability] Vulnérabilité : { $name } (nombre de risques : { $value })
   *[threat] Menace : { $name } (nombre de risques : { $value })
}
place = Lieu
map-heading = Où se trouvent les clients ?
map-lead = La carte montre, sans les nommer, les clients dont l’exploitant a enregistré les coordonnées.

## Home

home-heading = L’état des risques de l’information
home-lead = Chaque jour, des front offices de MONARC transmettent les statistiques de leurs analyses de risques. Voici les moyennes de l’ensemble.
home-empty = Aucune statistique n’a encore été collectée.
risks-column = Risques
first-stat = Première statistique
last-stat = Dernière statistique
more-risks = L’évolution des risques
more-objects = Toutes les menaces et vulnérabilités
more-map = Une carte plus grande
more-activity = Ce qui est collecté

## Statistics and evolution

stats-heading = Quels risques, menaces et vulnérabilités pèsent le plus ?
stats-lead = Moyennes des analyses de risques de tous les clients.
evolution-heading = Comment évoluent les risques, les menaces et les vulnérabilités ?
evolution-lead = Pour chaque date, moyennes des analyses de risques de tous les clients qui ont transmis des statistiques.

## About

about-lead = MONARC est un outil gratuit d’analyse des risques de l’information. Ce service collecte des statistiques d’analyses de risques pour que ses utilisateurs apprennent les uns des autres : combien il y a de risques, et quelles menaces et vulnérabilités en sont la cause.
about-what = Ce que fait le service
about-what-text = Chaque front office de MONARC envoie une fois par jour des statistiques de ses analyses de risques. Le service les conserve, rend à chaque front office les siennes et calcule des moyennes de l’ensemble. Le tableau de bord global de MONARC affiche ces moyennes à côté de ses propres chiffres.
about-private = Ce qui reste confidentiel
about-private-text = Les statistiques publiques ne nomment ni clients ni analyses. Un front office ne peut lire que ses propres statistiques et les moyennes de tous les clients.
about-more = En savoir plus sur cette instance
collected = Ce qui est collecté
collected-text = Pour chaque analyse de risques d’un client et pour chaque jour : le nombre de risques par niveau ; les menaces et les vulnérabilités, avec leur libellé, leur nombre et leur risque ; les matrices des risques ; l’état des mesures. Un numéro aléatoire identifie l’analyse ; son titre n’est pas envoyé. Pour chaque client, le service conserve un nom, un jeton secret, l’heure de sa dernière requête et, si l’exploitant les a enregistrées, des coordonnées.
stats-by-type = Statistiques par type
type = Type
content = Contenu
type-name = { $type ->
    [risk] Risque
    [threat] Menace
    [vulnerability] Vulnérabilité
    [cartography] Cartographie
   *[compliance] Conformité
}
type-content = { $type ->
    [risk] Le nombre de risques par niveau, avant et après traitement
    [threat] Les menaces, et le risque que chacune entraîne
    [vulnerability] Les vulnérabilités, et le risque que chacune entraîne
    [cartography] Les risques par vraisemblance et par impact
   *[compliance] Le degré de mise en œuvre des mesures d’un référentiel
}
release = Publication
release-text = Les statistiques publiques sont une publication : elles contiennent les jours entiers avant le { $day }, tels qu’ils étaient collectés quand elle a été faite, à { $made }. Elles restent les mêmes jusqu’à la prochaine, faite après minuit. Au moins { $clients } clients sont derrière chaque chiffre et chaque nom donné par des clients ; ce que moins de clients ont en commun est omis. Les moyennes sont arrondies aux chiffres que le nombre de clients permet.
shared = Ce qui est partagé
shared-public = Avec le public : les moyennes des analyses de tous les clients.
shared-map = { $figures ->
    [none] Avec le public : les coordonnées des clients qui en ont, sans noms ni chiffres.
   *[shown] Avec le public : les coordonnées des clients qui en ont, ainsi que la menace et la vulnérabilité les plus fréquentes de chacun, sans les noms.
}
shared-client = Avec un client : ses propres statistiques et les mêmes moyennes.
shared-instance = Avec une autre instance de ce service, si l’exploitant y envoie des statistiques : celles des clients dont le partage est activé, sans leur nom. Un client peut désactiver le partage.

## Help

help-lead = Comment connecter un front office de MONARC à cette instance.
help-connect = Connecter un front office
help-client = Créer un client
help-client-run = L’administrateur de ce service exécute cette commande, qui affiche le jeton du nouveau client :
help-client-tokens = La commande « { $command } » affiche les jetons de tous les clients.
help-configure = Configurer le front office
help-configure-text = Indiquez dans la configuration du front office le jeton et l’adresse de ce service :
help-send = Envoyer les statistiques chaque jour
help-send-run = Exécutez cette commande comme tâche cron du front office :
help-send-check = Lancée à la main, la commande signale les erreurs. Pour savoir à quel client appartient un jeton, exécutez :
help-clients = Gérer les clients
help-commands = Commandes sur la machine de ce service
command = Commande
command-effect = Effet
command-text = { $command ->
    [list] Affiche les clients
    [rotate-token] Donne un nouveau jeton à un client
    [deactivate] Bloque l’accès d’un client ; activate le rétablit
    [sharing-deactivate] Empêche l’envoi des statistiques d’un client à d’autres instances ; sharing-activate l’autorise
    [coordinates-set] Place un client sur la carte ; coordinates-unset l’en retire
   *[delete] Supprime un client et ses statistiques
}
help-more-commands = La commande « { $command } » affiche toutes les commandes et leurs options.
help-api = L’API
help-api-text = L’explorateur de l’API décrit chaque route et permet de l’essayer. Le code source est accompagné d’instructions pour installer et exploiter le service.
help-embed = Les graphiques sur d’autres sites
help-embed-text = Chaque graphique a sa propre adresse en SVG et en PNG, et son tableau en CSV. Des paramètres permettent de choisir la période, la taille, la langue et des couleurs claires ou foncées :
