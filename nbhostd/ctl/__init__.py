"""nbhostctl: asks the daemon over its control socket and shows the answer; decides nothing."""
