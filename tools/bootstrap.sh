# Sourced by ./test and ./demo: installs the Debian packages that are missing, configures and builds.
#
# With everything installed nothing here touches the network. Works on Debian 12 and 13; elsewhere it says what is needed.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH="$PATH:/usr/sbin:/sbin"
export CCACHE_SLOPPINESS=pch_defines,time_macros
export CCACHE_DIR="${CCACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ccache}"
export NINJA_STATUS="[%f/%t %es] "

# Tools as command:package (a command on PATH is enough, wherever it came from), then libraries as packages.
build_tools="g++:g++ cmake:cmake ninja:ninja-build ccache:ccache pkg-config:pkg-config"
build_libraries="libssl-dev libspdlog-dev libfmt-dev libtomlplusplus-dev libcli11-dev libexpected-dev libsoci-dev
  libsqlite3-dev libpq-dev libnghttp2-dev libcurl4-openssl-dev libgtest-dev libp11-kit-dev
  libxml2-dev libmimalloc-dev"
boost_of_debian_12="libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev"
boost_elsewhere="libboost-dev libboost-json-dev libboost-url-dev"
demo_tools="curl:curl openssl:openssl nginx:nginx python3:python3"
test_tools="$demo_tools gnutls-cli:gnutls-bin node:nodejs javac:default-jdk-headless softhsm2-util:softhsm2
  psql:postgresql certbot:certbot lego:lego nghttp:nghttp2-client testssl:testssl.sh sslscan:sslscan
  haproxy:haproxy apache2:apache2 gunicorn:gunicorn npm:npm"
# A second compiler, with its sanitizers, for the unit tests. Programs are built by g++.
second_compiler=clang++-19
second_compiler_packages="clang-19 libclang-rt-19-dev"

step() { printf '\n== %s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

debian_version() { (. /etc/os-release 2>/dev/null && [ "${ID:-}" = debian ] && echo "${VERSION_ID:-}"); }

missing_tools() {
  local entry
  for entry in "$@"; do
    command -v "${entry%%:*}" >/dev/null || printf '%s ' "${entry#*:}"
  done
}

# Java libraries, by the file that a test looks for.
missing_java_libraries() {
  [ -e /usr/share/java/bcpkix.jar ] || printf 'libbcpkix-java '
}

missing_python_modules() {
  python3 -c "import requests" 2>/dev/null || printf 'python3-requests '
  /usr/bin/python3 -c "import grpc" 2>/dev/null || printf 'python3-grpcio '
  /usr/bin/python3 -c "import authlib" 2>/dev/null || printf 'python3-authlib '
  python3 -c "import cryptography" 2>/dev/null || printf 'python3-cryptography '
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

missing_libraries() {
  local package
  for package in "$@"; do
    is_installed "$package" || printf '%s ' "$package"
  done
}

# Debian 12 lets only one Boost have its headers installed, and apt-get -y would remove the other one without asking.
refuse_other_boost() {
  case " $* " in *" libboost1.81-dev "*) ;; *) return 0 ;; esac
  ! is_installed libboost1.74-dev || die "Countersign needs the headers of Boost 1.81 (libboost1.81-dev). libboost1.74-dev is
installed here and conflicts with it; it is not removed without being asked. Either remove it, and what depends on it:
  apt-get remove libboost1.74-dev
or run this in a container or virtual machine of Debian 12 or 13."
}

# need_packages demo|test: installs what is missing to build, and to run the one or the other.
need_packages() {
  local boost=$boost_elsewhere tools=$demo_tools missing
  [ "$(debian_version)" != 12 ] || boost=$boost_of_debian_12
  [ "$1" != test ] || tools=$test_tools
  if ! command -v dpkg-query >/dev/null; then
    echo "This is no Debian: please see to it that there are: $build_tools $tools $build_libraries $boost"
    return
  fi
  # shellcheck disable=SC2086  # lists of words
  missing=$(missing_tools $build_tools $tools; missing_libraries $build_libraries $boost
    [ "$1" != test ] || { missing_libraries $second_compiler_packages; missing_python_modules; missing_java_libraries; })
  if [ -z "$missing" ]; then
    echo "packages: everything is installed"
    return
  fi
  # shellcheck disable=SC2086
  refuse_other_boost $missing
  # shellcheck disable=SC2086
  install_packages $missing
}

install_packages() {
  local as_root=""
  echo "installing: $*"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "Missing packages, and neither root nor sudo to install them. As root, run:
  apt-get install --no-install-recommends $*"
    as_root=sudo
  fi
  forbid_services "$as_root"
  local rc=0 why="apt-get failed (see above)."
  $as_root apt-get -q -o APT::Update::Error-Mode=any update ||
    why="The package lists could not be fetched (see above): this machine seems to have no network."
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qy -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" || rc=$?
  allow_services "$as_root" "$@"
  [ "$rc" = 0 ] || die "
$why Packages are missing, and without them nothing can be built:
  $*
Once they are installed, this works without network."
}

# nginx, HAProxy, httpd, PostgreSQL and certbot are wanted as programs, not as services of this machine: they must not start, now or at
# the next boot.
policy_file=/usr/sbin/policy-rc.d
policy_is_ours=""
forbid_services() {
  [ ! -e "$policy_file" ] || return 0
  printf '#!/bin/sh\nexit 101\n' | $1 tee "$policy_file" >/dev/null
  $1 chmod +x "$policy_file"
  policy_is_ours=yes
  # shellcheck disable=SC2064  # expanded now on purpose
  trap "$1 rm -f $policy_file" EXIT
}

allow_services() {
  local as_root=$1 package
  shift
  for package in "$@"; do
    case "$package" in
      nginx | postgresql | haproxy | apache2) ! command -v systemctl >/dev/null || $as_root systemctl disable -q "$package" || true ;;
      certbot) ! command -v systemctl >/dev/null || $as_root systemctl disable -q certbot.timer || true ;;
    esac
  done
  [ -n "$policy_is_ours" ] || return 0
  $as_root rm -f "$policy_file"
  trap - EXIT
}

# The Node packages that tests run, as tests/e2e/peers/node/package-lock.json pins them, into build/node: once. Where that
# cannot be, the tests that want them are skipped and say so.
need_node_packages() {
  local from=$root/tests/e2e/peers/node to=$root/build/node
  if cmp -s "$from/package-lock.json" "$to/installed"; then
    echo "node packages: everything is installed"
    return
  fi
  mkdir -p "$to"
  cp "$from/package.json" "$from/package-lock.json" "$to"
  # No script of a package runs, and nobody waits long for a network that is not there.
  if (cd "$to" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 --loglevel=error); then
    cp "$from/package-lock.json" "$to/installed"
  else
    echo "node packages: not to be had now; the tests that want them are skipped"
  fi
}

# As many compilers as there are cores, and 1.5 GB of memory for each.
jobs_here() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
  if [ "$memory" -lt 1 ]; then memory=1; fi
  echo $((cores < memory ? cores : memory))
}

# configure PRESET [-DNAME=VALUE...]: once; afterwards ninja itself notices when cmake has to run again.
configure() {
  local preset=$1 cache=$root/build/$1/CMakeCache.txt wanted setting
  shift
  if [ -f "$cache" ] && [ -f "$root/build/$preset/build.ninja" ]; then
    wanted=""
    # What may be in one unit with what is packed by cmake, from the sources as they are now.
    ! grep -q '^COUNTERSIGN_UNITY:[A-Z]*=ON$' "$cache" || wanted=yes
    for setting in "$@"; do
      grep -q "^$(sed 's/^-D//; s/=.*//' <<<"$setting"):[A-Z]*=${setting#*=}\$" "$cache" || wanted=yes
    done
    [ -n "$wanted" ] || return 0
  fi
  (cd "$root" && cmake --preset "$preset" "$@")
}

# units PRESET: the setting of COUNTERSIGN_UNITY for a tree. As it was made; one that is not there yet is compiled in units.
units() {
  local cache=$root/build/$1/CMakeCache.txt
  if [ ! -f "$cache" ] || grep -q '^COUNTERSIGN_UNITY:[A-Z]*=ON$' "$cache"; then
    echo -DCOUNTERSIGN_UNITY=ON
  else
    echo -DCOUNTERSIGN_UNITY=OFF
  fi
}

# configure_sanitized [-DNAME=VALUE...]: build/asan, by the second compiler; where there is none (no Debian) by the one that
# there is.
configure_sanitized() {
  local compiler
  compiler=$(command -v "$second_compiler" || command -v c++)
  configure asan "-DCMAKE_CXX_COMPILER=$compiler" "$@"
}

# build PRESET TARGET...
build() {
  local preset=$1
  shift
  ninja -C "$root/build/$preset" -j "$(jobs_here)" "$@"
}

# Tests start hundreds of registries that sync every change; no test can tell a power cut from none, so their folders lie
# in memory where there is enough of it and programs may run from there. A TMPDIR of your own is left as it is.
choose_temporary_folder() {
  local folder free
  [ -z "${TMPDIR:-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ] || return 0
  free=$(df --output=avail -k /dev/shm | tail -1)
  [ "$free" -gt 3000000 ] && [ "$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)" -gt 5000000 ] || return 0
  folder=$(mktemp -d /dev/shm/countersign-test.XXXXXX) || return 0
  # shellcheck disable=SC2064  # expanded now on purpose
  trap "rm -rf '$folder'" EXIT
  chmod 755 "$folder"
  printf '#!/bin/sh\n' >"$folder/probe"
  chmod +x "$folder/probe"
  "$folder/probe" 2>/dev/null || return 0
  rm "$folder/probe"
  export TMPDIR=$folder
}
