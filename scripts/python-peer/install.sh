#!/usr/bin/env bash
# Installs the Python Stats Service, unless it is there, and prints the path of its Python.
set -euo pipefail

# statsservice does not declare all of its requirements:
# - It imports dateutil, and pkg_resources, which setuptools 81 and Python 3.12 removed.
# - Its Flask-SQLAlchemy 2 needs SQLAlchemy 1.
# - Its Jinja 2.11 imports soft_unicode, which MarkupSafe 2.1 removed.
folder=$("$(dirname "$0")/../python-tool.sh" statsservice 0.4.0 gunicorn python-dateutil 'setuptools<81' \
    'SQLAlchemy<2' 'MarkupSafe<2.1')
echo "$folder/python"
