/* Load for benchmarks: `serve PORT`, `send ADDRESS PORT SECONDS` and `connect
 * ADDRESS PORT SECONDS`, which print how much they did in a second: bytes, or
 * connections; and `calls COUNT`, which prints how many nanoseconds a system
 * call takes. */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES (128 * 1024)

static double now(void) {
  struct timespec time;

  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sockaddr_in parse_address(const char *address, const char *port) {
  struct sockaddr_in result = {.sin_family = AF_INET};

  result.sin_port = htons((uint16_t)atoi(port));
  (void)inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}

/* One client after the other: each is read to its end. */
static int serve(const char *port) {
  struct sockaddr_in address = parse_address("0.0.0.0", port);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  static char chunk[CHUNK_BYTES];

  if (bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
      listen(listener, 1024))
    return 1;
  for (;;) {
    int client = accept(listener, NULL, NULL);

    while (read(client, chunk, sizeof(chunk)) > 0)
      ;
    (void)close(client);
  }
}

static int open_connection(const struct sockaddr_in *address) {
  /* Closing resets it, so that ports are free again at once */
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  int connection = socket(AF_INET, SOCK_STREAM, 0);

  (void)setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  if (connect(connection, (const struct sockaddr *)address, sizeof(*address)) ==
      0)
    return connection;
  (void)close(connection);
  return -1;
}

/* Returns bytes for each second, or a negative number. */
static double measure_sending(const struct sockaddr_in *address,
                              double seconds) {
  static char chunk[CHUNK_BYTES];
  int connection = open_connection(address);
  double started = now();
  double bytes = 0;

  while (connection >= 0 && now() - started < seconds) {
    ssize_t count = write(connection, chunk, sizeof(chunk));

    if (count < 0)
      return -1;
    bytes += (double)count;
  }
  return connection < 0 ? -1 : bytes / (now() - started);
}

/* Returns connections for each second, or a negative number if there is none. A
 * proxy on the way runs out of ports after some ten thousands: that ends it. */
static double measure_connecting(const struct sockaddr_in *address,
                                 double seconds) {
  double started = now();
  double count = 0;

  for (; now() - started < seconds; count++) {
    int connection = open_connection(address);

    if (connection < 0)
      break;
    (void)close(connection);
  }
  return count > 0 ? count / (now() - started) : -1;
}

/* Returns nanoseconds for each call. */
static double measure_calls(long count) {
  double started = now();

  for (long call = 0; call < count; call++)
    (void)syscall(SYS_getppid);
  return (now() - started) * 1e9 / (double)count;
}

int main(int argc, char **argv) {
  struct sockaddr_in address;
  double rate;

  if (argc == 3 && strcmp(argv[1], "serve") == 0)
    return serve(argv[2]);
  if (argc == 3 && strcmp(argv[1], "calls") == 0) {
    (void)printf("%.1f\n", measure_calls(atol(argv[2])));
    return 0;
  }
  if (argc != 5)
    return 2;
  address = parse_address(argv[2], argv[3]);
  rate = strcmp(argv[1], "send") == 0
             ? measure_sending(&address, atof(argv[4]))
             : measure_connecting(&address, atof(argv[4]));
  (void)printf("%.0f\n", rate);
  return rate < 0;
}
