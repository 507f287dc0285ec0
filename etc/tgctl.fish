# Completion of tgctl for fish. It asks tgctl itself, which knows its commands, options and values.

function __tgctl_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end

complete -c tgctl -f -a '(__tgctl_complete)'
