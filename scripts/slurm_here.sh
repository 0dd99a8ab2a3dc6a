#!/usr/bin/env bash
# A SLURM of one node on this machine, to try job arrays and dask-jobqueue on: Debian's slurm-wlm
# and munge (apt-get install slurm-wlm munge), as root. Everything it writes is in one folder.
#
#     scripts/slurm_here.sh start FOLDER [CPUS]
#     export SLURM_CONF=FOLDER/slurm.conf      # then sbatch, squeue, scancel …
#     scripts/slurm_here.sh stop FOLDER
set -euo pipefail

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
[ $# -ge 2 ] || usage
folder=$(realpath -m "$2")
cpus=${3:-$(nproc)}
memory=$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)  # MB

start() {
    mkdir -p "$folder"/{state,spool,log,munge}
    dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
    chmod 400 "$folder/munge/key"
    chmod 700 "$folder/munge"
    munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" \
        --seed-file="$folder/munge/seed" --num-threads=2
    cat > "$folder/slurm.conf" <<CONF
ClusterName=here
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld
SlurmdLogFile=$folder/log/slurmd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=100000
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
KillWait=10
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    export SLURM_CONF="$folder/slurm.conf"
    slurmctld -f "$SLURM_CONF"
    slurmd -f "$SLURM_CONF"
    for _ in $(seq 60); do
        case $(sinfo --noheader --format=%t 2>/dev/null) in
            idle | mix | alloc) echo "SLURM_CONF=$SLURM_CONF"; return ;;
        esac
        sleep 1
    done
    echo "the node is not ready after a minute; see $folder/log" >&2
    exit 1
}

stop() {
    for name in slurmd slurmctld munge/; do
        pid="$folder/$name.pid"
        [ "$name" = munge/ ] && pid="$folder/munge/pid"
        [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null || true
    done
}

case $1 in
    start) start ;;
    stop) stop ;;
    *) usage ;;
esac
