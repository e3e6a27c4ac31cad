# Installs and starts the executable on a host. POSIX sh. mosaic-launch sends this text behind assignments of
# mosaic_sha256, mosaic_size and a definition of mosaic_execute, over the standard input that later is the node's.
#
# Nothing is sent between this text and the report below, or between the executable and the line `kept`: some versions
# of `head` read more than they are asked for. `read` never does.
set -f
say() { printf 'mosaic-node: %s\n' "$*"; }
fail() { say "failed $*"; exit 1; }

# Makes a directory of this user's alone, and checks that files in it can be written and executed.
use_directory() {
    mkdir -p "${1%/*}" 2>/dev/null
    mkdir "$1" 2>/dev/null
    mosaic_probe=$1/.probe.$$
    # Not a symbolic link, and nobody else's: in /tmp others may have made it.
    set -- "$1" $(ls -ldn "$1" 2>/dev/null)
    case ${2-} in drwx--[-S]---*) ;; *) return 1 ;; esac
    [ "${4-}" = "$mosaic_user" ] || return 1
    (: >"$mosaic_probe") 2>/dev/null && chmod 700 "$mosaic_probe" && [ -x "$mosaic_probe" ]
    set -- $?
    rm -f "$mosaic_probe"
    return "$1"
}

find_directory() {
    mosaic_cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
    case $mosaic_cache in /*) use_directory "$mosaic_cache/mosaic-node" && mosaic_directory=$mosaic_cache/mosaic-node && return ;; esac
    use_directory "/tmp/mosaic-node-$mosaic_user" && mosaic_directory=/tmp/mosaic-node-$mosaic_user
}

# Whether the file is there as a whole. A name is given to whole files only, but a crash of the host can cut them off.
is_whole() { [ -x "$1" ] && [ "$(($(wc -c <"$1")))" = "$mosaic_size" ]; }

receive() {
    mosaic_incoming=$mosaic_directory/incoming.$(uname -n).$$
    trap 'rm -f "$mosaic_incoming"; exit 1' HUP INT TERM
    head -c "$mosaic_size" 2>/dev/null >"$mosaic_incoming"
    chmod 700 "$mosaic_incoming" 2>/dev/null
    if ! is_whole "$mosaic_incoming"; then
        rm -f "$mosaic_incoming"
        fail "the executable did not arrive as a whole in $mosaic_directory: is the disk full?"
    fi
    if command -v sha256sum >/dev/null 2>&1; then
        set -- $(sha256sum <"$mosaic_incoming")
        if [ "$1" != "$mosaic_sha256" ]; then
            rm -f "$mosaic_incoming"
            fail "the executable was changed on its way, or while it was sent"
        fi
    fi
    # Another start may have brought the same executable meanwhile. Its node process starts workers from that file, so
    # the file must stay. `ln` never replaces a file.
    if ln "$mosaic_incoming" "$mosaic_file" 2>/dev/null || is_whole "$mosaic_file" 2>/dev/null; then
        rm -f "$mosaic_incoming"
    else
        mv -f "$mosaic_incoming" "$mosaic_file" || fail "cannot write $mosaic_file"
    fi
    trap - HUP INT TERM
}

# Keeps the four executables that were used last, and those of the last day. Others may be used by running nodes.
remove_old() {
    ls -t "$mosaic_directory" | sed -n '/^[0-9a-f]\{64\}$/p' | sed 1,4d | while read -r mosaic_old; do
        find "$mosaic_directory/$mosaic_old" -mtime +0 -exec rm -f {} \;
    done
    find "$mosaic_directory" -name 'incoming.*' -mtime +0 -exec rm -f {} \;
} 2>/dev/null

mosaic_umask=$(umask)
umask 077
mosaic_user=$(id -u)
mosaic_directory=
find_directory
mosaic_file=$mosaic_directory/$mosaic_sha256
mosaic_cached=no
if [ -n "$mosaic_directory" ] && is_whole "$mosaic_file" 2>/dev/null; then mosaic_cached=yes; fi

# Ends what the login has written to the standard error.
printf 'mosaic-node: end\n' >&2
say "machine $(uname -m)"
say "glibc $( (LC_ALL=C getconf GNU_LIBC_VERSION || LC_ALL=C ldd --version 2>&1 | sed 1q) 2>/dev/null)"
say "flags $(sed -n -e '/^flags/{s/.*: //p;q;}' -e '/^Features/{s/.*: //p;q;}' /proc/cpuinfo 2>/dev/null)"
say "name $(uname -n)"
say "directory $mosaic_directory"
say "cached $mosaic_cached"
say end

read -r mosaic_answer || exit 0
case $mosaic_answer in
run) ;;
send) receive; say kept; remove_old ;;
*) exit 0 ;;
esac
touch "$mosaic_file" 2>/dev/null
umask "$mosaic_umask"
mosaic_execute
