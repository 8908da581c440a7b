#!/usr/bin/env bash
# Files as people bring them, for the corpus: import_fuzz.seeds.sh FOLDER. The first two bytes are the fuzzer's own.
set -euo pipefail
mkdir -p "$1"
printf '0 time,node,sensor,value,unit,quality\r\n2026-11-01T06:30:00.250Z,well,level,1.25,m,node\r\n' >"$1/export"
printf '0 {"time":"2026-11-01T06:30:00Z","node":"well","sensor":"level","value":-1e-3,"unit":"m","quality":"receipt+late"}\n' >"$1/ndjson"
printf '7!\xef\xbb\xbfDatum;Wert;"x""y\n"\n2026-11-01 06:30;21.5;"a"\n2026-11-01T06:30+01:00;21,5;\n' >"$1/mapped"
