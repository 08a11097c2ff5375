#!/bin/sh
# Makes the secrets of a deployment by docker-compose.yml, each in a file of its own under DIRECTORY: passwords, CURVE keys, bearer
# tokens, the key for webhook secrets, a self-signed TLS certificate. What is there already is left as it is. As root, in the image:
#   secrets.sh DIRECTORY
# Each file is 0600 and belongs to the user that reads it in its container; docker-compose.yml has the same numbers.
set -eu
umask 077

service_user=10001:10001 postgres_user=999:999 nginx_user=101:101 grafana_user=472:0
directory=$1
people=$directory/people
list=$(dirname "$0")/people.txt
services="intake dispatch notification evaluation reporting"

files() {
    find "$directory" -type f ! -name '.*' | wc -l
}

before=$(files)
trap 'rm -f "$directory/.new"' EXIT

# keep OWNER FILE: standard input, unless the file is there. It has its name only when it is whole and its owner's.
keep() {
    if [ -e "$directory/$2" ]; then
        cat >/dev/null
        return
    fi
    cat >"$directory/.new"
    [ -s "$directory/.new" ] || { echo "secrets.sh: nothing to put into $2" >&2; exit 1; }
    chown "$1" "$directory/.new"
    mv "$directory/.new" "$directory/$2"
    echo "  $2"
}

upper() {
    echo "$1" | tr '[:lower:]' '[:upper:]'
}

random() {
    openssl rand -hex 32
}

# certificate DIRECTORY NAME, in zcert's format
certificate() {
    [ -e "$1/$2.key_secret" ] && return
    ztc keys make "$2" --dir "$1" >/dev/null
    chown "$service_user" "$1/$2.key_secret" "$1/$2.key"
    echo "  $2.key_secret"
}

roles() {
    echo operator
    sed '/^#/d; s/ .*//' "$list"
}

mkdir -p "$people"
chown "$service_user" "$people"

random | keep "$postgres_user" postgres_password
random | keep "$grafana_user" grafana_password
random | keep "$service_user" webhooks.key
for service in $services; do
    printf '*:*:*:ztc_%s:%s\n' "$service" "$(random)" | keep "$service_user" "records_$service"
done
{
    echo "ZTC_DSN=postgresql://postgres:$(cat "$directory/postgres_password")@postgres/ztc"
    for service in $services; do
        printf 'ZTC_PASSWORD_%s=%s\n' "$(upper "$service")" "$(sed 's/.*://' "$directory/records_$service")"
    done
} | keep "$service_user" migrate.env

certificate "$directory" server
certificate "$directory" bus
for role in $(roles); do
    certificate "$people" "$role"
    if [ ! -e "$people/$role.bearer" ]; then
        ztc keys bearer "$role" --dir "$people" >/dev/null
        chown "$service_user" "$people/$role.bearer"
        echo "  $role.bearer"
    fi
done
client() {
    echo "ZTC_FEED=tcp://intake:5550"
    echo "ZTC_QUERY=tcp://reporting:5551"
    echo "ZTC_SERVER_KEY=$(ztc keys public "$directory/server.key_secret")"
    echo "ZTC_KEY_DIR=/run/people"
    for role in $(roles); do
        echo "ZTC_KEY_$(upper "$role")=/run/people/$role.key_secret"
    done
}
client | keep "$service_user" client.env
# What ztc doctor looks at beside: the operator's alone, since it has the superuser's password.
{
    client
    sed -n '/^ZTC_DSN=/p' "$directory/migrate.env"
    port=9101
    for service in $services; do
        echo "ZTC_DSN_$(upper "$service")=postgresql://ztc_$service:$(sed 's/.*://' "$directory/records_$service")@postgres/ztc"
        echo "ZTC_HTTP_$(upper "$service")=$service:$port"
        port=$((port + 1))
    done
    echo "ZTC_REDIS=redis:6379"
} | keep "$service_user" operator.env

# To be replaced by one that clients trust. A key without its certificate is of a run that was ended between the two.
if [ ! -e "$directory/tls.crt" ]; then
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | keep "$nginx_user" tls.key
    openssl req -x509 -key "$directory/tls.key" -days 365 -subj "/CN=${TLS_NAME:-localhost}" \
        -addext "subjectAltName=DNS:${TLS_NAME:-localhost},IP:127.0.0.1" | keep "$nginx_user" tls.crt
fi

made=$(($(files) - before))
echo "$made made / 新建 $made 个"
