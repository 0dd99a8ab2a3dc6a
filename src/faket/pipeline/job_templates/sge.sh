#!/bin/bash
# {{name}}. Tomograms: {{tomograms}}, tasks: {{tasks}}, tomograms of a task: {{share}}.
# {{basis}}.
# {{margins}}.
#$ -N {{name}}
#$ -t 1-{{tasks}}
#$ -pe smp {{cores}}
# h_vmem limits addresses, of which a process has more than memory; where a site means memory, ask
# for {{memory_MB_a_core}}M a core.
#$ -l h_vmem={{addresses_MB_a_core}}M
#$ -l h_rt={{time}}
#$ -cwd
#$ -V
#$ -j y

faket simulate {{recipe}} {{out}} --tasks array
# When all tasks have ended, check and draw the whole:  faket simulate {{recipe}} {{out}}
