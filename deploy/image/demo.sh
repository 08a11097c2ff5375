#!/bin/sh
# Plays the case of 邱隘镇回龙村 against the stack of docker-compose.yml, as make demo does: registers a key and a bearer token for each role of
# people.txt, which a second run finds registered, and then runs ztc play.
set -eu

district=330212
people=${ZTC_KEY_DIR:-/run/people}
list=$(dirname "$0")/people.txt

sed '/^#/d' "$list" | while read -r role organisation; do
    ztc keys register --public "$people/$role.key" --district "$district" --organisation "$organisation" --role "$role" \
        --id "demo-key-$role" "$@" </dev/null
    ztc keys register-bearer --bearer "$people/$role.bearer" --district "$district" --organisation "$organisation" --role "$role" \
        --id "demo-bearer-$role" "$@" </dev/null
done
exec ztc play "$@"
