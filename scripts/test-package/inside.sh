#!/bin/bash
# The part of test-package.sh that runs in the Debian system.
set -euo pipefail
cd /test

fail() { echo "$*" >&2; exit 1; }
step() { printf '\n== %s\n' "$*"; }
# expect WHAT EXPECTED ACTUAL
expect() { [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"; }
mode_of() { stat -c '%U:%G %a' "$1"; }
apt() { apt-get --yes -qq -o Dpkg::Use-Pty=0 "$@" </dev/null; }
as_service() { sudo -u stats-server "$@"; }
health() { curl --silent --show-error http://127.0.0.1:5000/health; }
# Posts one stat as a front office does, and reads its processed value back.
report() {
    local analysis=$1
    curl --fail-with-body --silent --show-error --output /dev/null -H "X-API-KEY: $TOKEN" -H 'User-Agent: MONARC/2.13.1' \
        -H 'Content-Type: application/json' https://dashboard.example.org/api/v1/stats/ --data @- <<END
[{"anr": "$analysis", "type": "threat", "date": "$(date +%F)", "data": [
    {"uuid": "b402d4e0-4576-11e9-9173-0800277f0571", "label2": "Error in use", "count": 12, "maxRisk": 36,
     "averageRate": "2.82"}]}]
END
    curl --fail-with-body --silent --show-error -H "X-API-KEY: $TOKEN" --get \
        'https://dashboard.example.org/api/v1/stats/processed/?type=threat&processor=threat_average_on_date' |
        grep -q '"averageRate":2.82' || fail "the processor does not know the stat"
}
stats() { as_service stats-admin stats export | wc -l; }

for file in step-*; do
    step "docs/deployment.md, ${file/-/ }"
    cat "$file"
    # In this shell, because later steps use TOKEN.
    . "./$file"
    case $file in
        step-01)
            expect "the answer after the installation" '{"status":"ok"}' "$(health | tr -d ' \n')"
            ;;
        step-04)
            expect "the answer after the restart" '{"status":"ok"}' "$(health | tr -d ' \n')"
            ;;
    esac
done

step "Front office"
report 11111111-1111-4111-8111-111111111111
expect "stats" 1 "$(stats)"
curl --fail --silent https://dashboard.example.org/dashboardBO/ | grep -q '<title>' || fail "no page"

step "User, folders and settings"
expect "user" "stats-server:/var/lib/stats-server:/usr/sbin/nologin" "$(getent passwd stats-server | cut -d: -f1,6,7)"
[ "$(id -u stats-server)" -lt 1000 ] || fail "the user is not a system user"
for folder in /var/lib/stats-server /var/log/stats-server /var/backups/stats-server; do
    expect "$folder" "stats-server:stats-server 750" "$(mode_of $folder)"
done
expect "settings" "root:stats-server 640" "$(mode_of /etc/stats-server/stats.toml)"
expect "database" "stats-server:stats-server 640" "$(mode_of /var/lib/stats-server/stats.db)"
expect "process" stats-server "$(ps -o user:20= -p "$(cat /run/units/stats-server.pid)")"
grep -Eq '^<[0-7]>' /run/units/journal || fail "the log has no priorities for the journal"
! grep -Eq '^(<[0-7]>)?[0-9]{4}-' /run/units/journal || fail "the log has timestamps besides those of the journal"
dpkg-query --showformat '${Conffiles}\n' --show monarc-stats-service | sed 's/^ //; s/ .*//' | sort >conffiles
expect "conffiles" "/etc/cron.d/monarc-stats-service /etc/logrotate.d/monarc-stats-service /etc/stats-server/stats.toml" \
    "$(xargs <conffiles)"
[ -L /etc/systemd/system/multi-user.target.wants/stats-server.service ] || fail "the unit is not enabled"

step "Manual pages"
pages=$(dpkg -L monarc-stats-service | grep '/man1/.*\.gz$')
[ "$(wc -l <<<"$pages")" -gt 20 ] || fail "few manual pages: $pages"
for page in $pages; do
    name=$(basename "$page" .1.gz)
    [ "$(man -w "$name")" = "$page" ] || fail "man does not find $name"
    problems=$(MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    [ -z "$problems" ] || fail "$name: $problems"
done
man stats-server | grep -q -- --sample-settings || fail "the manual page of stats-server has no options"

step "Completions"
# bash_completion PROGRAM WORD: the completions of the first argument.
bash_completion() {
    bash -c '
        . /usr/share/bash-completion/bash_completion
        _completion_loader "$1" || [ $? = 124 ]
        COMP_WORDS=("$1" "$2") COMP_CWORD=1
        "$(complete -p "$1" | sed "s/.* -F \([^ ]*\) .*/\1/")" "$1" "$2" "$1"
        echo "${COMPREPLY[*]}"' - "$@"
}
expect "bash" "client" "$(bash_completion stats-admin cl)"
expect "bash" "--sample-settings" "$(bash_completion stats-server --sam)"
expect "fish" "client" "$(fish -c 'complete -C "stats-admin cl"' | cut -f1)"
expect "fish" "--sample-settings" "$(fish -c 'complete -C "stats-server --sam"' | cut -f1)"
for program in stats-admin stats-server; do
    expect "zsh" "_$program" "$(zsh -c "autoload -Uz compinit && compinit -D && echo \${_comps[$program]}")"
    zsh -c "autoload -Uz _$program && autoload +X _$program" || fail "zsh cannot load _$program"
done

step "Cron"
# The backup that step 9 switched on, as cron runs it.
job=$(sed -n 's/^[0-9* ]* stats-server  *\(.*db backup.*\)/\1/p' /etc/cron.d/monarc-stats-service)
[ -n "$job" ] || fail "no job makes backups"
(cd / && as_service env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/var/lib/stats-server sh -c "$job")
expect "backups" 1 "$(find /var/backups/stats-server -name '*.db' | wc -l)"
for job in "stats push --dry-run" "stats purge --nb-month 36 --yes"; do
    # shellcheck disable=SC2086 # Words of a command.
    as_service stats-admin $job >/dev/null || fail "stats-admin $job failed"
done

step "Log rotation"
sed -i 's|^#LOG_PATH = .*|LOG_PATH = "/var/log/stats-server/stats.log"|' /etc/stats-server/stats.toml
systemctl restart stats-server
log=/var/log/stats-server/stats.log
grep -q Listening "$log" || fail "no log"
logrotate --debug /etc/logrotate.d/monarc-stats-service 2>&1 | grep -i error && fail "logrotate does not understand its file"
logrotate --force /etc/logrotate.d/monarc-stats-service
for _ in $(seq 50); do
    grep -q Reopened "$log" 2>/dev/null && break
    sleep 0.1
done
grep -q Reopened "$log" || fail "the service did not reopen its log"
grep -q Listening "$log.1" || fail "the old log is not in $log.1"

step "Upgrade"
before=$(cat /run/units/stats-server.pid)
cp /etc/stats-server/stats.toml edited
apt -o Dpkg::Options::=--force-confold install ./next.deb
[ "$(cat /run/units/stats-server.pid)" != "$before" ] || fail "the upgrade did not restart the service"
cmp edited /etc/stats-server/stats.toml || fail "the upgrade changed the settings"
grep -q 'A new setting' /etc/stats-server/stats.toml.dpkg-dist || fail "the new settings are not beside the old ones"
expect "settings" "root:stats-server 640" "$(mode_of /etc/stats-server/stats.toml)"
expect "stats after the upgrade" 1 "$(stats)"
report 22222222-2222-4222-8222-222222222222
expect "stats" 2 "$(stats)"

step "Removal"
apt remove monarc-stats-service
! systemctl is-active stats-server || fail "the service runs after the removal"
[ ! -e /usr/bin/stats-server ] || fail "the removal left the program"
[ -s /var/lib/stats-server/stats.db ] || fail "the removal deleted the database"
cmp edited /etc/stats-server/stats.toml || fail "the removal deleted the settings"

step "Installation after the removal"
apt -o Dpkg::Options::=--force-confold install ./next.deb
expect "stats" 2 "$(stats)"

step "Purge"
apt purge monarc-stats-service 2>&1 | tee purge.log
grep -q '/var/lib/stats-server is kept' purge.log || fail "the purge does not say what it keeps"
[ -s /var/lib/stats-server/stats.db ] || fail "the purge deleted the database"
while read -r file; do
    [ ! -e "$file" ] || fail "the purge left $file"
done <conffiles
[ ! -e /var/log/stats-server ] || fail "the purge left the log"
