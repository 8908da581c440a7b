#!/bin/sh
# Writes each example of tests/golden/protocol as one input of decode_fuzz: its topic, a line end, its payload.
set -eu
corpus=${1:?usage: decode_fuzz.seeds.sh CORPUS_DIR}
cd "$(dirname -- "$0")/../../tests/golden/protocol"
mkdir -p "$corpus"
awk -v corpus="$corpus" '
  /^topic   /   { topic = substr($0, 9) }
  /^payload /   { file = corpus "/golden-" ++n; printf "%s\n%s", topic, substr($0, 9) > file; close(file) }
' ./*.txt
