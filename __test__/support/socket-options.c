/* Prints the options of the socket that it has got as descriptor 3: what a program set, as the kernel knows it. */

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

static int option(int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(3, level, name, &value, &length) == 0 ? value : -1;
}

int main(void) {
  printf("{\"keepAlive\": %d, \"idle\": %d, \"interval\": %d, \"count\": %d, \"noDelay\": %d, \"tos\": %d, \"class\": %d}\n",
         option(SOL_SOCKET, SO_KEEPALIVE), option(IPPROTO_TCP, TCP_KEEPIDLE), option(IPPROTO_TCP, TCP_KEEPINTVL),
         option(IPPROTO_TCP, TCP_KEEPCNT), option(IPPROTO_TCP, TCP_NODELAY), option(IPPROTO_IP, IP_TOS),
         option(IPPROTO_IPV6, IPV6_TCLASS));
  return 0;
}
