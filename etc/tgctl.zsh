#compdef tgctl
# Completion of tgctl for zsh. It asks tgctl itself, which knows its commands, options and values.

_tgctl() {
	local -a found
	local line
	local -i files=0

	for line in "${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		if [[ $line == :files ]]; then
			files=1
		elif [[ -n $line ]]; then
			found+=("$line")
		fi
	done
	((${#found})) && compadd -a found
	((files)) && _files
	return 0
}

_tgctl "$@"
