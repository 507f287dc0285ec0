# shellcheck shell=bash
# Completion of tgctl for bash. It asks tgctl itself for its commands and their options, so that it
# never knows others than the program does.

# Words of a command's help: its actions, from the lines of the usage, and its options.
_tgctl_help_words() { # PROGRAM COMMAND
	"$1" help "$2" 2>/dev/null | awk -v cmd="$2" '
		!usage_over && NF == 0 { usage_over = 1 }
		!usage_over {
			for (i = 1; i < NF; i++)
				if ($i == "tgctl" && $(i + 1) == cmd && i + 2 <= NF)
					split_action($(i + 2))
		}
		{
			line = $0
			while (match(line, /--[a-z][a-z0-9-]*/)) {
				print substr(line, RSTART, RLENGTH)
				line = substr(line, RSTART + RLENGTH)
			}
		}
		function split_action(word,   n, part, j) { # "list", "[list]" or "add|remove"
			gsub(/[][]/, "", word)
			if (word !~ /^[a-z][a-z|-]*$/)
				return
			n = split(word, part, "|")
			for (j = 1; j <= n; j++)
				print part[j]
		}' | sort -u
}

_tgctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local program=${COMP_WORDS[0]} command='' words i

	COMPREPLY=()
	case $prev in
	-c | --config | --imei-file | -o | --output | --acked-log | --sent-log | --command-log)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config) i=$((i + 1)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $command in
	'' | help)
		words=$("$program" --help 2>/dev/null |
		    sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p')
		[ -n "$command" ] || words="$words -c --config --help --version"
		;;
	*) words=$(_tgctl_help_words "$program" "$command") ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	# Files of frames, and whatever else a command takes.
	[ ${#COMPREPLY[@]} -gt 0 ] || [ "$command" != decode ] ||
	    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

complete -F _tgctl tgctl
