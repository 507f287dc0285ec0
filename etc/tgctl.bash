# shellcheck shell=bash
# Completion of tgctl for bash. It asks tgctl itself, which knows its commands, options and values.

_tgctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} line

	COMPREPLY=()
	while read -r line; do
		if [ "$line" = :files ]; then
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames 2>/dev/null || :
		else
			COMPREPLY+=("$line")
		fi
	done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -F _tgctl tgctl
