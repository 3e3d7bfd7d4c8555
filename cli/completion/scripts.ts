/** Shells that can be taught. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/**
 * What teaches a shell: it asks `sallyport __complete` for the words that may stand where somebody types, so that it knows what the
 * program that is installed knows. The words come one a line, with their meaning behind a tab; `:files` asks for the shell's own.
 */
export const completionScripts: Readonly<Record<Shell, string>> = {
  // Words are cut at blanks, not where COMP_WORDBREAKS says: \`orders:read_only\` is one. Of it bash replaces what is behind the colon.
  bash: `# bash completion for sallyport: source <(sallyport completion bash)
_sallyport() {
  local line current typed=() words=()
  read -ra typed <<< "\${COMP_LINE:0:COMP_POINT}"
  [[ "\${COMP_LINE:0:COMP_POINT}" == *[[:space:]] ]] && typed+=("")
  current="\${typed[\${#typed[@]}-1]}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ "$line" == ":files" ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
    fi
    words+=("\${line%%$'\\t'*}")
  done < <("\${typed[0]}" __complete -- "\${typed[@]:1}" 2>/dev/null)
  local cut="\${current%"\${current##*[:=]}"}"
  for line in "\${words[@]}"; do
    COMPREPLY+=("\${line#"$cut"}")
  done
}
complete -F _sallyport sallyport
`,
  zsh: `#compdef sallyport
# zsh completion for sallyport: source <(sallyport completion zsh), or a file _sallyport in a folder of $fpath
_sallyport() {
  local line
  local -a lines values shown
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    if [[ "$line" == ":files" ]]; then
      _files
      return
    fi
    values+=("\${line%%$'\\t'*}")
    shown+=("\${line//$'\\t'/  -- }")
  done
  (( $#values )) || return 1
  compadd -l -d shown -- $values
}
if [[ "\${funcstack[1]}" == "_sallyport" ]]; then
  _sallyport "$@"
else
  compdef _sallyport sallyport
fi
`,
  fish: `# fish completion for sallyport: sallyport completion fish | source
function __sallyport_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    for line in ($typed[1] __complete -- $typed[2..-1] "$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c sallyport -f -a '(__sallyport_complete)'
`,
};
