#!/bin/sh
# Installs the Debian packages of packages.txt that are missing: packages.sh [SECTION...], by default those of building, running,
# testing and checking. Does nothing when all are there; says what to do when it may not install. Installing must not start
# PostgreSQL's, Redis's, RabbitMQ's or Docker's own daemons, nor create the packages' own cluster.
set -eu

[ $# -gt 0 ] || set -- build run test check
list=$(awk -v wanted=" $* " '/^# [a-z]+$/ { section = $2; next } { sub(/#.*/, "") } index(wanted, " " section " ")' \
    "$(dirname "$0")/packages.txt")
missing=
for entry in $list; do
    package=${entry%%/*}
    case $entry in
    */*) command -v "${entry#*/}" >/dev/null && continue ;; # the program is there, wherever it is from
    esac
    state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    case $state in
    *' installed') ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "packages are missing; install them with / 缺少软件包，请安装：" >&2
    echo "  sudo apt-get install$missing" >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.conf
policy_made=
cluster_saved=

restore() {
    [ -z "$policy_made" ] || rm -f "$policy"
    [ -z "$cluster_saved" ] || mv -f "$cluster_saved" "$cluster"
}
trap restore EXIT
trap 'exit 1' HUP INT TERM

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" </dev/null
}

echo "installing / 安装:$missing"
if [ ! -e "$policy" ]; then
    policy_made=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null
case " $missing " in
*' postgresql-15 '*)
    install postgresql-common
    cp -p "$cluster" "$cluster.ztc-saved"
    cluster_saved=$cluster.ztc-saved
    echo 'create_main_cluster = false' >>"$cluster"
    ;;
esac
# shellcheck disable=SC2086
install $missing
