# SPDX-License-Identifier: BSD-2-Clause
# Completion of gnomon(1) for bash. Commands, options and names come from the
# program itself.
# shellcheck shell=bash

_gnomon_words() { # commands, or the options of one
	if [[ $1 ]]; then
		gnomon "$1" --help 2>/dev/null |
			grep -oE '^ +(-[a-zA-Z], )?--[a-z][a-z0-9-]*=?' |
			tr ',' '\n' | tr -d ' '
	else
		gnomon --help 2>/dev/null |
			sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
	fi
}

_gnomon_values() { # option
	case $1 in
	--mode | --modes | -m)
		echo native shadow nested shadow+unsync paravirt patched \
			shsp adaptive switching agile \
			adaptive-hw nested+around ;;
	--preset | -p) gnomon costs list --format=csv 2>/dev/null | sed 1d ;;
	--format) echo table csv json ;;
	--without) echo root-cache large prefetch update unsync unsync-keep \
			around ;;
	esac
}

_gnomon() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' words='' head=''

	COMPREPLY=()
	((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}
	# bash splits --mode=x into three words.
	[[ $cur == = ]] && cur=
	[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	if ((COMP_CWORD == 1)); then
		words="$(_gnomon_words '') --help --version"
	elif [[ $cur == -* ]]; then
		words=$(_gnomon_words "$command")
	else
		words=$(_gnomon_values "$prev")
		[[ $cur == *,* ]] && head=${cur%,*},
		if [[ $command == costs && $COMP_CWORD -eq 2 ]]; then
			words="list show measure"
		elif [[ $command == vmm && $prev == @(--mode|-m) ]]; then
			words="native nested shadow unsync noprefetch unsync64"
			words+=" switch adaptive"
		elif [[ $command == record && $COMP_CWORD -eq 2 ]]; then
			words="guest user perf"
		elif [[ $command == @(compare|run|info|walk) && ! $words ]]; then
			# Recordings of ours, and workloads, beside files.
			words=$(gnomon info --list 2>/dev/null |
				sed '1d;s/ .*//')
			[[ $command == @(compare|run) ]] &&
				words+=" $(gnomon workloads 2>/dev/null |
					sed '1d;s/ .*//')"
			compopt -o default 2>/dev/null
		elif [[ $command == sweep && ! $words ]]; then
			words=$(gnomon sweep --templates 2>/dev/null |
				sed '1d;s/ .*//')
			compopt -o default 2>/dev/null
		elif [[ $command == costs && $prev == show ]]; then
			words=$(_gnomon_values --preset)
		fi
	fi
	mapfile -t COMPREPLY < <(compgen -P "$head" -W "$words" -- \
		"${cur#"$head"}")
	if [[ ${#COMPREPLY[@]} -eq 0 && $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
	elif [[ ${COMPREPLY[0]-} == *= ]]; then
		compopt -o nospace 2>/dev/null
	fi
}

complete -F _gnomon gnomon
