/** Definitions of a service that calls wherry when the host comes up and goes down. @module */

/** What a service calls. */
export interface ServiceProgram {
  /** The program's absolute path and all arguments that come before the command. */
  argv: readonly string[];
  /** Directories that must be mounted before. */
  directories: readonly string[];
}

/**
 * A unit for systemd.
 *
 * @see systemd.service(5), "COMMAND LINES"
 */
export function formatSystemdUnit({ argv, directories }: ServiceProgram): string {
  // Only in command lines systemd replaces $NAME
  const command = argv.map((word) => quoteForSystemd(word).replaceAll("$", "$$$$")).join(" ");
  return `[Unit]
Description=Containers of wherry
Wants=network-online.target
After=network-online.target
RequiresMountsFor=${directories.map(quoteForSystemd).join(" ")}

[Service]
Type=oneshot
RemainAfterExit=yes
# One container that does not start is no reason not to stop the others in the end
ExecStart=-${command} boot
ExecStop=${command} boot --stop
# Containers end by ExecStop, in their own time; nothing else of them may be killed
KillMode=process
Delegate=yes
TimeoutStartSec=infinity
TimeoutStopSec=infinity

[Install]
WantedBy=multi-user.target
`;
}

/** Within double quotes if need be, and the percent signs doubled that systemd replaces everywhere. */
function quoteForSystemd(word: string): string {
  const escaped = word.replace(/[\\"]/g, "\\$&").replaceAll("%", "%%");
  return /^[\w./@%:=+-]+$/.test(word) ? escaped : `"${escaped}"`;
}

/** A script for OpenRC. @see openrc-run(8) */
export function formatOpenrcScript({ argv }: ServiceProgram): string {
  const command = argv.map(quoteForShell).join(" ");
  return `#!/sbin/openrc-run

description="Containers of wherry"

depend() {
	need localmount
	after net firewall
}

start() {
	ebegin "Starting containers"
	${command} boot
	# One container that does not start is no reason not to stop the others in the end
	eend 0
}

stop() {
	ebegin "Stopping containers"
	${command} boot --stop
	eend $?
}
`;
}

function quoteForShell(word: string): string {
  return /^[\w./@%:=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
