#!/bin/bash
# {{name}}. Tomograms: {{tomograms}}, tasks: {{tasks}}, tomograms of a task: {{share}}.
# {{basis}}.
# {{margins}}.
#BSUB -J "{{name}}[1-{{tasks}}]"
#BSUB -n {{cores}}
#BSUB -R "span[hosts=1] rusage[mem={{memory_MB}}MB]"
#BSUB -M {{memory_MB}}MB
#BSUB -W {{hours_and_minutes}}
#BSUB -o {{name}}_%I.log

faket simulate {{recipe}} {{out}} --tasks array
# When all tasks have ended, check and draw the whole:  faket simulate {{recipe}} {{out}}
