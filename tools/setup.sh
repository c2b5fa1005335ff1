#!/bin/sh
# Make .venv and put the pinned packages of one requirements file, and this project, into it.
#   PYTHON=python3.13 tools/setup.sh requirements.txt
set -eu

python=${PYTHON:-python3}
venv=.venv
recent='import sys; sys.exit(sys.version_info < (3, 11))'

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

if ! "$python" -c "$recent" 2>/dev/null; then
    found=$("$python" --version 2>&1) || found="not there"
    fail "Python 3.11 or newer is needed; $python is $found." \
        "Install one (Debian 12, Ubuntu 24.04: apt-get install python3 python3-venv), or name another: make PYTHON=/path/to/python3"
fi

if ! "$venv/bin/python" -c "$recent" 2>/dev/null; then
    # Debian keeps what makes virtual environments in a package of its own.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            echo "installing python3-venv"
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
        else
            fail "$python cannot make virtual environments. Run:" "    sudo apt-get install python3-venv"
        fi
    fi
    "$python" -m venv --clear "$venv"
fi

echo "Installing the packages of $1 into $venv (once, about a minute)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$1"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --editable .
