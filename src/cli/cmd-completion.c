/* SPDX-License-Identifier: Apache-2.0 */
/* The scripts ask `slipway complete`; see completion.h. */
#include "base/str.h"
#include "cli/cli.h"

static const char bash_script[] =
    "# slipway completion for bash: source <(slipway completion bash)\n"
    "_slipway() {\n"
    "    local word candidate IFS=$'\\n'\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
    "    COMPREPLY=()\n"
    "    for candidate in $(slipway complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null); "
    "do\n"
    "        case $candidate in\n"
    "        :files) COMPREPLY+=($(compgen -f -- \"$cur\")) ;;\n"
    "        :folders) COMPREPLY+=($(compgen -d -- \"$cur\")) ;;\n"
    "        *) COMPREPLY+=(\"${candidate%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done\n"
    "}\n"
    "complete -o filenames -o nosort -F _slipway slipway\n";

static const char zsh_script[] =
    "#compdef slipway\n"
    "# slipway completion for zsh: slipway completion zsh > \"${fpath[1]}/_slipway\"\n"
    "_slipway() {\n"
    "    local line\n"
    "    local -a candidates\n"
    "    for line in ${(f)\"$(slipway complete -- ${words[2,CURRENT]} 2>/dev/null)\"}; do\n"
    "        case $line in\n"
    "        :files) _files ;;\n"
    "        :folders) _files -/ ;;\n"
    "        *) candidates+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
    "        esac\n"
    "    done\n"
    "    (( ${#candidates} )) && _describe slipway candidates\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _slipway ]; then _slipway \"$@\"; else compdef _slipway slipway; "
    "fi\n";

static const char fish_script[] =
    "# slipway completion for fish: slipway completion fish | source\n"
    "function __slipway_complete\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    for line in (slipway complete -- $words[2..-1] 2>/dev/null)\n"
    "        switch $line\n"
    "            case ':files'\n"
    "                __fish_complete_path (commandline -ct)\n"
    "            case ':folders'\n"
    "                __fish_complete_directories (commandline -ct)\n"
    "            case '*'\n"
    "                printf '%s\\n' $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c slipway -f -a '(__slipway_complete)'\n";

static int run(struct cli *cli, const struct args *args)
{
    const char *shell = args_operand(args, 0);
    const char *script = str_eq(shell, "bash")   ? bash_script
                         : str_eq(shell, "zsh")  ? zsh_script
                         : str_eq(shell, "fish") ? fish_script
                                                 : NULL;
    if (!script)
        return cli_usage_error(cli, "expected bash, zsh or fish, found \"%s\"", shell);
    (void)printf("%s", script);
    return STATUS_OK;
}

const struct command cmd_completion = {
    .name = "completion",
    .summary = "Print a completion script for a shell",
    .operands = "bash|zsh|fish",
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
