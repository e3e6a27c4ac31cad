# Makes an allocation and gives it back. Arguments: the unique name of the job, then the options of salloc.
#
# The standard input is the lifeline: at its end, or at a line, the allocation is given back. This shell outlives the
# process that holds the other end of the lifeline, also if that is killed.
name=$1
shift
exec 3<&0 </dev/null

give_back() { scancel --quiet --user="$(id -un)" --name="$name"; }
trap '' HUP INT
trap 'kill -TERM "$salloc" 2>/dev/null; give_back; exit 1' TERM

salloc --no-shell "$@" --job-name="$name" &
salloc=$!
# While the job waits in the queue, salloc holds it.
(read -r word <&3; kill -TERM "$salloc" 2>/dev/null) &
watcher=$!
wait "$salloc"
code=$?
# The shell says on its standard error that it was killed.
{ kill -KILL "$watcher"; wait "$watcher"; } 2>/dev/null
if [ "$code" -ne 0 ]; then
    give_back
    echo "failed $code"
    exit
fi
echo "granted $(squeue --noheader --user="$(id -un)" --name="$name" --format='%i %N')"
# At the end of the lifeline, the node processes end at the same moment. They need some time for that.
read -r word <&3 || sleep 3
give_back
