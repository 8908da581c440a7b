# Completion of `alona` for bash: what its own --help says at each place, so that it is never behind.
_alona() {
  local current=${COMP_WORDS[COMP_CWORD]} word
  local -a path=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word =~ ^[a-z]+$ ]] || break
    path+=("$word")
  done
  local known
  known=$("${COMP_WORDS[0]}" "${path[@]}" --help 2>/dev/null |
    sed -n '/^Subcommands:/,/^$/ s/^  \([a-z]\{1,\}\) .*/\1/p; s/^  \(-[a-z],\)\{0,1\}\(--[a-z-]\{1,\}\).*/\2/p')
  mapfile -t COMPREPLY < <(compgen -W "$known --config --json" -- "$current")
  [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -o filenames -F _alona alona
