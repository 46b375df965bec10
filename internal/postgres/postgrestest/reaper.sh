# Stops the tests' database, and removes its data, when no test process has been
# seen for a minute. start.lock and share.lock are those of the private
# cluster (../private.go); the lock files themselves stay, so that nobody is
# left waiting on one that has been unlinked.
cd "$1" || exit 1
exec 9>reaper.lock
flock -n 9 || exit 0

idle=0
while sleep 10; do
	exec 8>start.lock 7>share.lock
	if flock -n 8 && flock -n 7; then idle=$((idle + 1)); else idle=0; fi
	if [ "$idle" -ge 6 ]; then
		pid=$(sed -n 1p data/postmaster.pid 2>/dev/null)
		socket=$(sed -n 5p data/postmaster.pid 2>/dev/null)
		if [ -n "$pid" ] && [ "/proc/$pid/cwd" -ef data ]; then
			kill -INT "$pid"
			while [ "/proc/$pid/cwd" -ef data ]; do sleep 0.1; done
			rmdir "$socket" 2>/dev/null
		fi
		rm -rf data
		exit 0
	fi
	exec 8>&- 7>&-
done
