#!/usr/bin/env bash
# Builds everything that a release consists of in target/release-artefacts: programs with documents as tar.gz, static ones
# if Rust's musl target is installed, the Debian package, the source with the Dockerfile (the context of the container),
# the software bills of materials and checksums. The checkout must be clean and CHANGELOG.md have a section of the
# version. It needs cargo-deb and cargo-cyclonedx (cargo install --locked cargo-deb cargo-cyclonedx), a C compiler, make
# and Perl, and takes some ten minutes. Usage: scripts/release.sh [--profile PROFILE]
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "release.sh: $*" >&2; exit 1; }
step() { printf '\n== %s\n' "$*"; }

profile=release
case ${1:-} in
    --profile) profile=${2:?} ;;
    ?*) die "usage: scripts/release.sh [--profile PROFILE]" ;;
esac
version=$(scripts/version.sh)
name=monarc-stats-service-$version
[ -z "$(git status --porcelain)" ] || die "the checkout has changes: commit them first"
grep -qF "## [$version]" CHANGELOG.md || die "CHANGELOG.md has no section '## [$version]'"
for tool in deb cyclonedx; do
    command -v "cargo-$tool" >/dev/null 2>&1 || die "cargo-$tool is missing: cargo install --locked cargo-$tool"
done
host=$(rustc -vV | sed -n 's/^host: //p')
# Files have the time of the commit, so that a second build has the same checksums.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/release-artefacts"
artefacts=$(cd "$target/release-artefacts" && pwd)
rm -rf "${artefacts:?}"/*
work=$(mktemp -d "${TMPDIR:-/tmp}/stats-release.XXXXXX")
trap 'rm -rf "$work"' EXIT

# archive NAME: packs the folder of this name, the same content into the same bytes.
archive() {
    tar --create --directory "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
        --mode=u+rwX,go+rX,go-w "$1" | gzip -9n >"$artefacts/$1.tar.gz"
}

# pack PROGRAMS TRIPLE: the archive of the programs in a folder.
pack() {
    local folder=$work/$name-$2 program
    scripts/check-tls.sh "$1"
    scripts/package-files.sh "$1" "$1/package" "$version"
    mkdir "$folder"
    for program in stats-server stats-admin; do
        strip -o "$folder/$program" "$1/$program"
    done
    cp -r "$1/package"/{man,completions} LICENSE README.md CHANGELOG.md docs "$folder/"
    mkdir "$folder/examples"
    cp -r examples/stats.toml examples/deploy examples/scale "$folder/examples/"
    cp packaging/debian/stats-server.service "$folder/examples/deploy/"
    archive "$name-$2"
}

step "Crates"
cargo package --quiet --locked -p stats-core -p stats-processors

step "Programs"
pack "$(scripts/build-programs.sh "$profile")" "$host"

musl=${host/-gnu/-musl}
if [ -d "$(rustc --print sysroot)/lib/rustlib/$musl" ]; then
    step "Static programs"
    pack "$(STATS_TARGET=$musl scripts/build-programs.sh "$profile")" "$musl"
else
    echo "No static programs: the target $musl is not installed (rustup target add $musl)"
fi

step "Debian package"
cp "$(scripts/build-deb.sh --profile "$profile")" "$artefacts/"

step "Source and container context"
git archive --format=tar --prefix="$name/" HEAD | tar --extract --directory "$work"
archive "$name"

step "Software bills of materials"
# It writes beside each Cargo.toml.
(cd "$work/$name" && cargo cyclonedx --quiet --format json --spec-version 1.5 --all-features)
for program in stats-server stats-admin; do
    sed "s|$work/||g" "$work/$name/bins/$program/$program.cdx.json" >"$artefacts/$program-$version.cdx.json"
done

step "Checksums"
cd "$artefacts"
sha256sum -- * | tee SHA256SUMS
