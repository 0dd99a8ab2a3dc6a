#!/bin/bash
# {{name}}. Tomograms: {{tomograms}}, tasks: {{tasks}}, tomograms of a task: {{share}}.
# {{basis}}.
# {{margins}}.
#SBATCH --job-name={{name}}
#SBATCH --array=1-{{tasks}}
#SBATCH --cpus-per-task={{cores}}
#SBATCH --mem={{memory_MB}}M
#SBATCH --time={{time}}
#SBATCH --output={{name}}_%a.log

faket simulate {{recipe}} {{out}} --tasks array
# When all tasks have ended, check and draw the whole:  faket simulate {{recipe}} {{out}}
