# The texts of the pages. Each language has a file with the same identifiers and variables.
# The program writes numbers and dates in the form of the language. A variable with [one] is a whole number.

## Frame

skip = Skip to the content
nav-main = Main
nav-stats = Statistics
nav-evolution = Evolution
nav-map = Map
nav-cartography = Risk matrices
nav-compliance = Compliance
nav-about = About
nav-help = Help
nav-language = Language
nav-programs = For programs
api-browser = API browser
json-instance = This instance as JSON
json-threats = Threats as JSON
json-vulnerabilities = Vulnerabilities as JSON
json-risks = Risks as JSON
json-cartography = Risk matrices as JSON
json-compliance = Compliance as JSON
json-map = Map as JSON
operator = Operator
operator-unknown = The operator of this instance has published no contact.
software = Software
source-code = Source code
licence = Licence
licence-name = GNU Affero General Public License, version 3 or later
version = Version
release-notes = release notes
database = Database

## Errors

error-number = Error { $status }
error-title = { $status ->
    [400] Bad request
    [404] Not found
    [405] Method not allowed
    [429] Too many requests
    [503] Not available
   *[other] Error
}
error-explanation = { $status ->
    [400] The address has an argument that this page does not understand.
    [404] There is nothing here.
    [405] The method is not allowed here.
    [429] There were too many requests from your address. Please try again in a while.
    [503] The service is not available. Please try again in a while.
   *[other] The request failed. The administrator finds the reason in the log.
}
error-home = Back to the start

## Controls

period = Period
last-days = { $days ->
    [0] Today
    [one] The last day
   *[other] The last { $days } days
}
measure-label = Measure
measure = { $measure ->
    [rate] Qualification (average rate)
    [max_risk] Highest risk
   *[count] Occurrence (number of risks)
}
order = Order
order-name = { $order ->
    [lowest] Lowest first
   *[highest] Highest first
}
weight-label = Weight
weight = { $weight ->
    [client] Each client counts once
   *[analysis] Each analysis counts once
}
weight-meaning = { $weight ->
    [client] Each client counts once.
   *[analysis] Each analysis counts once.
}
top = Number
top-number = { $number ->
    [one] The first
   *[other] The first { $number }
}
view = View
view-name = { $view ->
    [europe] Europe
    [world] The world
   *[near] Where most of them are
}
show = Show
legend = Show or hide
legend-invert = Invert the selection
date = Date

## Pictures

figure-files = Files of “{ $title }”
figure-table = Table
figure-source = { $instance }, { $address }, { $date }
few-clients = Figures of fewer than { $clients } clients are left out.
fewer-clients = fewer than { $clients } clients
picture-name = { $picture ->
    [risks] Risks by level
    [risks-over-time] Risks over time
    [threats] Threats
    [threats-over-time] Threats over time
    [vulnerabilities] Vulnerabilities
    [vulnerabilities-over-time] Vulnerabilities over time
    [cartography] Risk matrix
    [compliance] Compliance
    [map] Map
   *[activity] Reports
}
no-stats = { $days ->
    [0] No stats of today.
    [one] No stats of the last day.
   *[other] No stats of the last { $days } days.
}
analyses = Analyses
clients = Clients
stats = Stats
reports-of = { $analyses ->
    [one] one analysis
   *[other] { $analyses } analyses
} of { $clients ->
    [one] one client
   *[other] { $clients } clients
}
reports = { $dates ->
    [one] Mean of { $reports } on { $last }.
   *[other] Mean of up to { $reports } a day, { $first } to { $last }.
}
reports-gaps = { $dates ->
    [one] On { $date }, fewer analyses reported than in the week before: { $analyses } instead of { $usual }.
   *[other] On { $dates } dates, fewer analyses reported than in the week before: { $analyses } instead of { $usual } on { $date }, for example.
}

## Risks

level = Level
level-name = { $level ->
    [low] Low
    [medium] Medium
   *[high] High
}
state = { $state ->
    [residual] Residual
   *[current] Current
}
level-and-state = { $state ->
    [residual] { $level }, residual
   *[current] { $level }, current
}
risks-unit = Mean number of risks in an analysis
risks-meaning = Current risks are those of today, residual ones those that the planned treatment leaves.
risks-title = { $kind ->
    [operational] An analysis has { $current } high operational risks; treatment is to leave { $residual }
   *[informational] An analysis has { $current } high information risks; treatment is to leave { $residual }
}
risks-trend = { $direction ->
    [fell] { $kind ->
        [operational] High operational risks fell from { $from } to { $to } an analysis since { $since }
       *[informational] High information risks fell from { $from } to { $to } an analysis since { $since }
    }
    [rose] { $kind ->
        [operational] High operational risks rose from { $from } to { $to } an analysis since { $since }
       *[informational] High information risks rose from { $from } to { $to } an analysis since { $since }
    }
   *[same] { $kind ->
        [operational] High operational risks stayed at { $to } an analysis since { $since }
       *[informational] High information risks stayed at { $to } an analysis since { $since }
    }
}

## Threats and vulnerabilities

object = { $objects ->
    [vulnerability] Vulnerability
   *[threat] Threat
}
measure-meaning = { $measure ->
    [rate] { $objects ->
        [vulnerability] How severe the analyses rate a vulnerability, on their own scales.
       *[threat] How likely the analyses rate a threat, on their own scales.
    }
    [max_risk] { $objects ->
        [vulnerability] The highest risk of an analysis with this vulnerability: impact × threat × vulnerability.
       *[threat] The highest risk of an analysis with this threat: impact × threat × vulnerability.
    }
   *[count] { $objects ->
        [vulnerability] In how many risks of an analysis a vulnerability occurs.
       *[threat] In how many risks of an analysis a threat occurs.
    }
}
objects-title = { $measure ->
    [rate] { $order ->
        [lowest] { $name } has the lowest rate: { $value }
       *[highest] { $name } has the highest rate: { $value }
    }
    [max_risk] { $order ->
        [lowest] { $name } causes the lowest risks: { $value } at most in an analysis
       *[highest] { $name } causes the highest risks: { $value } in an analysis
    }
   *[count] { $order ->
        [lowest] { $objects ->
            [vulnerability] { $name } is the rarest vulnerability: in { $value } risks of an analysis
           *[threat] { $name } is the rarest threat: in { $value } risks of an analysis
        }
       *[highest] { $objects ->
            [vulnerability] { $name } is the most frequent vulnerability: in { $value } risks of an analysis
           *[threat] { $name } is the most frequent threat: in { $value } risks of an analysis
        }
    }
}
objects-trend = { $direction ->
    [peaked] { $name } peaked at { $peak } on { $date }, from { $from } before; now it is { $to }
    [fell] { $name } changed most: from { $from } down to { $to } since { $since }
    [rose] { $name } changed most: from { $from } up to { $to } since { $since }
   *[same] { $objects ->
        [vulnerability] No vulnerability changed since { $since }
       *[threat] No threat changed since { $since }
    }
}
sparkline = { $name }: { $days ->
    [one] the last day
   *[other] the last { $days } days
}

## Risk matrices

impact = Impact
likelihood = Likelihood (threat × vulnerability)
probability = Probability
matrix-title = { $state ->
    [residual] { $kind ->
        [operational] After treatment, operational risks are to be most frequent at impact { $impact } and probability { $column }: { $value } of { $total }
       *[informational] After treatment, information risks are to be most frequent at impact { $impact } and likelihood { $column }: { $value } of { $total }
    }
   *[current] { $kind ->
        [operational] Operational risks are most frequent at impact { $impact } and probability { $column }: { $value } of { $total }
       *[informational] Information risks are most frequent at impact { $impact } and likelihood { $column }: { $value } of { $total }
    }
}
cartography-heading = How severe and how likely are the risks?
cartography-lead = The mean number of risks of an analysis at each impact and likelihood, before and after the planned treatment.
cartography-scales = Analyses have scales of their own. They are rescaled to an impact from 0 to 4, a likelihood from 0 to 20 and a probability from 0 to 4, as the global dashboard of MONARC does. Empty cells have less than 0.05 risks.

## Compliance

category = Category
compliance-measure = { $measure ->
    [target] Target
   *[current] Current
}
compliance-title = { $referential }: { $current } where { $target } is the target; { $category } is farthest from it
compliance-heading = How far are controls implemented?
compliance-lead = The maturity of controls beside the aim, by referential and category: means over the analyses that assess them. A control that applies aims at 100%.

## Reports

activity-unit = Number on each date
activity-title = { $date }: { $reports } reported

## Map

map-title = { $places ->
    [one] One client shows where it is
   *[other] { $places } clients show where they are
}
map-empty = No client shows where it is.
map-description = The threat and the vulnerability that each client met most often, in the seven days to its newest report: { $reports }.
map-places = Where clients are. Without figures, because each would be that of a single client.
map-outside = Clients outside of this view are in the table.
map-place = Client at { $latitude }, { $longitude }
latitude = { $hemisphere ->
    [south] { $degrees }° S
   *[north] { $degrees }° N
}
longitude = { $hemisphere ->
    [west] { $degrees }° W
   *[east] { $degrees }° E
}
map-top = { $objects ->
    [vulnerability] Vulnerability: { $name } (in { $value } risks)
   *[threat] Threat: { $name } (in { $value } risks)
}
place = Place
map-heading = Where do the clients report from?
map-lead = Clients whose operator has set their coordinates are on the map, without names.

## Home

home-heading = The state of information risks
home-lead = Front offices of MONARC report their risk analyses every day. These are the means over all of them.
home-empty = No stats have been collected yet.
risks-column = Risks
first-stat = First stat
last-stat = Last stat
more-risks = How risks evolve
more-objects = All threats and vulnerabilities
more-map = A larger map
more-activity = What is collected

## Statistics and evolution

stats-heading = Which risks, threats and vulnerabilities weigh most?
stats-lead = Means over the risk analyses of all clients.
evolution-heading = How do risks, threats and vulnerabilities evolve?
evolution-lead = Means over the risk analyses of all clients that reported on a date.

## About

about-lead = MONARC is a free tool for the analysis of information risks. This service collects statistics of risk analyses, so that its users can learn from each other: how many risks there are, and which threats and vulnerabilities cause them.
about-what = What it does
about-what-text = Every front office of MONARC sends statistics of its risk analyses once a day. The service stores them, returns to each front office its own, and computes averages over all of them, which the global dashboard of MONARC shows beside its own numbers.
about-private = What stays private
about-private-text = Public statistics do not name clients or analyses. A front office can read only its own stats and the averages over all clients.
about-more = More about this instance
collected = What is collected
collected-text = For each risk analysis of a client and each day: the numbers of risks by level; the threats and the vulnerabilities with their labels, their number and their risk; the risk matrices; and the state of controls. A random number identifies an analysis; its title is not sent. For each client the service stores a name, a secret token, the time of its last request and, if the operator has set them, coordinates.
stats-by-type = Stats by type
type = Type
content = Content
type-name = { $type ->
    [risk] Risk
    [threat] Threat
    [vulnerability] Vulnerability
    [cartography] Cartography
   *[compliance] Compliance
}
type-content = { $type ->
    [risk] How many risks there are, by level, before and after treatment
    [threat] The threats, and how much risk each causes
    [vulnerability] The vulnerabilities, and how much risk each causes
    [cartography] Risks by likelihood and impact
   *[compliance] How far the controls of a referential are put into practice
}
release = Release
release-text = The public statistics are a release: they have the whole days before { $day }, as they were collected when it was made, at { $made }. They stay the same until the next release, which is made after midnight. At least { $clients } clients are behind each figure and each name that clients gave; what fewer have in common is left out. Means are rounded to the digits that the number of clients bears.
shared = What is shared
shared-public = With the public: averages over the analyses of all clients.
shared-map = { $figures ->
    [none] With the public: the coordinates of clients that have some, without names and figures.
   *[shown] With the public: the coordinates of clients that have some, and the threat and vulnerability that each met most often, without names.
}
shared-client = With a client: its own stats, and the same averages.
shared-instance = With another instance of this service, if the operator sends stats there: the stats of clients that have sharing enabled, without their names. A client can disable sharing.

## Help

help-lead = How to connect a front office of MONARC to this instance.
help-connect = Connect a front office
help-client = Create a client
help-client-run = The administrator of this service runs this command, which prints the token of the new client:
help-client-tokens = The command “{ $command }” lists the tokens of all clients.
help-configure = Configure the front office
help-configure-text = Set the token in the configuration of the front office, and the address of this service:
help-send = Send stats every day
help-send-run = Run this as a cron job of the front office:
help-send-check = When run by hand, the command reports errors. To see which client a token belongs to, run:
help-clients = Manage clients
help-commands = Commands on the machine of this service
command = Command
command-effect = What it does
command-text = { $command ->
    [list] Lists the clients
    [rotate-token] Gives a client a new token
    [deactivate] Locks a client out; activate lets it in again
    [sharing-deactivate] Keeps the stats of a client from being pushed to other instances; sharing-activate allows it
    [coordinates-set] Puts a client on the map; coordinates-unset takes it off
   *[delete] Deletes a client and its stats
}
help-more-commands = The command “{ $command }” lists all commands and their options.
help-api = The API
help-api-text = The API browser describes every route and lets you try it. The source code comes with instructions to install and run the service.
help-embed = Pictures on other sites
help-embed-text = Each picture has an address of its own as SVG and PNG, and its table as CSV. Arguments choose the period, the size, the language, and light or dark colours:
