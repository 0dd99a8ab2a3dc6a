#!/bin/bash
# {{name}}. Tomograms: {{tomograms}}, tasks: {{tasks}}, tomograms of a task: {{share}}.
# {{basis}}.
# {{margins}}.
#PBS -N {{name}}
#PBS -J 1-{{tasks}}
#PBS -l select=1:ncpus={{cores}}:mem={{memory_MB}}mb
#PBS -l walltime={{time}}
#PBS -V
#PBS -j oe

cd "$PBS_O_WORKDIR" || exit 1
faket simulate {{recipe}} {{out}} --tasks "$PBS_ARRAY_INDEX/{{tasks}}"
# When all tasks have ended, check and draw the whole:  faket simulate {{recipe}} {{out}}
