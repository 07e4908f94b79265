/** Command lines that teach, for the help of the commands newcomers meet first. @module */

/** A command line that works as it stands, and what it does. */
export interface CommandExample {
  /** The whole line, program name included. */
  readonly line: string;
  /** What it does: one sentence without a full stop. */
  readonly explanation: string;
}

/**
 * Examples by the first path of their command; each line works as it stands once its image or container exists. Only
 * help needs them, so commands do not refer to them.
 */
export const EXAMPLES: Readonly<Record<string, readonly CommandExample[]>> = {
  stats: [
    { line: "wherry stats", explanation: "Watch what all containers use, until Ctrl-C" },
    {
      line: "wherry stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}}' web",
      explanation: "Print three numbers of one container",
    },
    {
      line: "wherry stats --pressure",
      explanation: "Also see which containers wait for processors, memory or block devices",
    },
  ],
  doctor: [
    { line: "wherry doctor", explanation: "See what this host lacks, and what would help" },
    {
      line: "wherry doctor --format '{{.CanRun}}'",
      explanation: "Print true if containers can run here",
    },
  ],
  info: [
    {
      line: "wherry info --format '{{.CgroupVersion}} {{.Driver}}'",
      explanation: "Print two facts as docker names them",
    },
  ],
  pull: [
    {
      line: "wherry pull busybox",
      explanation: "Download the image that the tag latest names",
    },
    {
      line: "wherry pull --platform linux/arm64 registry.example.com/team/app:1.2",
      explanation: "Download one for another machine from a registry of yours",
    },
  ],
  push: [
    {
      line: "wherry push registry.example.com/team/app:1.2",
      explanation: "Upload an image to a registry of yours, where `wherry login` has signed you in",
    },
    {
      line: "wherry push --all-tags localhost:5000/app",
      explanation: "Upload all images of a repository",
    },
  ],
  login: [
    {
      line: "wherry login -u ann --password-stdin registry.example.com <token",
      explanation: "Sign in without a password that others see in the list of processes",
    },
  ],
  tag: [
    {
      line: "wherry tag app registry.example.com/team/app:1.2",
      explanation: "Name an image after where it is to be pushed",
    },
  ],
  save: [
    {
      line: "wherry save -o images.tar app:1.2 postgres",
      explanation: "Write two images to one file, and layers that both have once",
    },
    {
      line: "wherry save app:1.2 | ssh other wherry load",
      explanation: "Copy an image to another host",
    },
  ],
  load: [
    { line: "wherry load -i images.tar.gz", explanation: "Load all images of an archive" },
    { line: "docker save app | wherry load", explanation: "Take over an image from docker" },
  ],
  commit: [
    {
      line: "wherry commit -c 'CMD [\"nginx\"]' box web:2",
      explanation: "Make an image of a container, and choose what it runs by default",
    },
  ],
  export: [
    {
      line: "wherry export -o rootfs.tar box",
      explanation: "Write all files of a container to a tar",
    },
  ],
  run: [
    {
      line: "wherry run --rm debian cat /etc/os-release",
      explanation: "Run one command, then remove the container",
    },
    {
      line: "wherry run -it --name box debian bash",
      explanation: "Open a shell in a container named box",
    },
    {
      line: "wherry run -d --name web -p 8080:80 -v /srv/www:/usr/share/nginx/html:ro nginx",
      explanation: "Start a server in the background, with a port and a directory of the host",
    },
    {
      line: "wherry run -d --name db --network backend:alias=database,ip=10.5.0.10 postgres",
      explanation: "Start it on a network of yours, where others find it by name",
    },
    {
      line: "wherry run -d --network dhcp --parent eth0 debian sleep infinity",
      explanation: "Put it on the LAN, with an address of its DHCP server",
    },
    {
      line: "wherry run --rm ./rootfs.tar.gz /bin/sh -c 'echo hello'",
      explanation: "Run from a tar of a root file system, without importing it first",
    },
  ],
  exec: [
    { line: "wherry exec -it web sh", explanation: "Open a shell in a running container" },
    {
      line: "wherry exec -e LANG=C -w /tmp web env",
      explanation: "Run one command with its own variable and directory",
    },
  ],
  create: [
    {
      line: "wherry create --name web --restart unless-stopped -p 80:80 -p [::1]:8080:80 nginx",
      explanation: "Make a container that comes back by itself, to start it later",
    },
  ],
  start: [
    { line: "wherry start web", explanation: "Start a container in the background" },
    { line: "wherry start -ai box", explanation: "Start it and use it as if it had been run" },
  ],
  attach: [
    { line: "wherry attach box", explanation: "Take part in what runs; ctrl-p ctrl-q leaves it" },
    {
      line: "wherry attach --no-stdin --sig-proxy=false web",
      explanation: "Only watch: ^C ends the watching, and not the container",
    },
  ],
  top: [
    { line: "wherry top web", explanation: "Show what runs in a container, as `ps -ef` does" },
    { line: "wherry top web -o pid,user,rss,args", explanation: "Choose the columns" },
  ],
  port: [
    { line: "wherry port web", explanation: "Show what is published, and where" },
    { line: "wherry port web 53/udp", explanation: "Show where one port of the container is" },
  ],
  restart: [
    { line: "wherry restart -t 30 web", explanation: "Restart it, with 30 seconds to end in" },
  ],
  update: [
    {
      line: "wherry update --restart unless-stopped web",
      explanation: "Let a container come back after crashes and reboots, until somebody stops it",
    },
    {
      line: "wherry update --publish-rm 80 --publish-add 8443:443 web",
      explanation: "Change what a running container publishes, all at once",
    },
  ],
  "system prune": [
    {
      line: "wherry system prune -af --filter until=24h",
      explanation: "Remove what is unused and older than a day, without asking",
    },
    {
      line: "wherry system prune -af --volumes",
      explanation: "Remove all that no container uses, but for volumes that somebody gave a name",
    },
  ],
  boot: [
    { line: "wherry boot", explanation: "Start what should be running" },
    { line: "wherry boot --stop", explanation: "Stop everything before the host goes down" },
  ],
  "generate systemd": [
    {
      line: "wherry generate systemd >/etc/systemd/system/wherry.service",
      explanation: "Let systemd start containers at boot: then `systemctl enable wherry`",
    },
  ],
  import: [
    {
      line: "wherry import rootfs.tar.gz debian:12",
      explanation: "Make an image from a tar of a root file system",
    },
    {
      line: "docker export box | wherry import - box",
      explanation: "Take over a docker container's files",
    },
    {
      line: "wherry import -c 'CMD [\"bash\"]' rootfs.tar.zst debian:12",
      explanation: "Say what the image runs by default",
    },
  ],
  logs: [
    { line: "wherry logs -f web", explanation: "Follow what a container prints" },
    {
      line: "wherry logs --since 10m -n 100 web",
      explanation: "Show at most 100 lines of the last ten minutes",
    },
  ],
  events: [
    { line: "wherry events", explanation: "Watch what happens from now on, until ^C" },
    {
      line: "wherry events --since 10m --until 0s -f event=die",
      explanation: "Print what ended in the last ten minutes",
    },
    {
      line: "wherry events -f container=web --format '{{.Action}} {{.TimeNano}}'",
      explanation: "Watch one container, and choose the fields",
    },
  ],
  "network create": [
    {
      line: "wherry network create backend",
      explanation: "Make a network whose containers find each other by name",
    },
    {
      line: "wherry network create --subnet 10.5.0.0/24 --ip-range 10.5.0.128/25 lab",
      explanation: "Choose the subnet, and which part of it containers are given",
    },
    {
      line: "wherry network create -d macvlan -o parent=eth0 --ipam-driver dhcp lan",
      explanation: "Put containers on the LAN, with addresses of its DHCP server",
    },
  ],
  "network connect": [
    {
      line: "wherry network connect --alias db backend postgres",
      explanation: "Put a container on one more network, where others find it as db, too",
    },
  ],
  "network ls": [
    {
      line: "wherry network ls --format 'table {{.Name}}\\t{{.Driver}}\\t{{.Subnet}}'",
      explanation: "Choose the columns",
    },
  ],
  cp: [
    { line: "wherry cp web:/var/log/app.log .", explanation: "Copy a file out of a container" },
    {
      line: "wherry cp ./site/. web:/srv/www",
      explanation: "Copy what is in a directory into one of a container",
    },
    {
      line: "wherry cp -a web:/etc - | tar tv",
      explanation: "List a directory of a container, with owners",
    },
  ],
  "volume create": [
    {
      line: "wherry volume create data",
      explanation: "Make a volume, for example for `wherry run -v data:/var/lib/postgresql/data`",
    },
    {
      line: "wherry volume create -o type=tmpfs -o device=tmpfs -o o=size=64m scratch",
      explanation: "Make one that is kept in memory while containers use it",
    },
  ],
  "volume ls": [
    {
      line: "wherry volume ls -qf dangling=true",
      explanation: "Print the names of those that no container has",
    },
    {
      line: "wherry volume ls --format 'table {{.Name}}\\t{{.Mountpoint}}'",
      explanation: "Choose the columns",
    },
  ],
  "volume inspect": [
    {
      line: "wherry volume inspect -f '{{.Mountpoint}}' data",
      explanation: "Print where its files are on the host",
    },
  ],
  "volume prune": [
    {
      line: "wherry volume prune -af --filter label!=keep",
      explanation: "Remove all unused volumes but those with a label, without asking",
    },
  ],
  "volume export": [
    {
      line: "wherry volume export data | zstd >data.tar.zst",
      explanation: "Back up a volume",
    },
    {
      line: "wherry volume export data | ssh other 'wherry volume import data -'",
      explanation: "Copy it to a volume of another host",
    },
  ],
  "volume import": [
    {
      line: "wherry volume import data data.tar.zst",
      explanation: "Put what a backup has into a volume",
    },
  ],
  ps: [
    { line: "wherry ps -a", explanation: "List all containers, stopped ones too" },
    {
      line: "wherry ps -f network=backend -f publish=8000-9000",
      explanation: "Find containers by their networks and ports",
    },
    {
      line: "wherry ps -aq -f status=exited",
      explanation: "Print only the ids of those that have exited",
    },
    {
      line: "wherry ps --format 'table {{.Names}}\\t{{.Status}}\\t{{.Ports}}'",
      explanation: "Choose the columns",
    },
  ],
  inspect: [
    { line: "wherry inspect web", explanation: "Print all that is known about a container" },
    {
      line: "wherry inspect -f '{{.State.Status}} {{.State.ExitCode}}' web",
      explanation: "Print single fields",
    },
    {
      line: "wherry inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' web",
      explanation: "Print its addresses",
    },
    {
      line: "wherry inspect -f '{{json .Config.Env}}' web",
      explanation: "Print one part as JSON",
    },
  ],
};
