/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Test tool only: SCTP for machines whose kernel has none, by LD_PRELOAD.
 *
 * A one-to-one SCTP socket becomes an AF_UNIX SOCK_SEQPACKET socket with the abstract name "sctp:ADDRESS:PORT": message
 * boundaries, order, poll() and end of file are those of the kernel.  Eight octets (stream, payload protocol) go in
 * front of each message.  Both ends must run under the shim.  It is enough for M3UA of libosmo-sigtran and SGsAP of
 * osmo-msc; multi-homing, heartbeats and notifications do not exist.
 *
 * With SCTPSHIM_PCAP=FILE in its environment a process also writes what it sends and receives into FILE as IPv4/SCTP
 * packets, which tshark decodes up to the short message.  No capture rights are needed for that. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/sctp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define FD_MAX 4096
#define FIRST_PORT 49152 /* of the ephemeral ones */
#define PCAP_MAGIC 0xa1b2c3d4u
#define PCAP_RAW_IP 101
#define SCTP_DATA 0
#define SCTP_DATA_FULL 3 /* first and last fragment */

/* The function of the C library or libsctp that ours stands in front of. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

struct shim_header {
	uint32_t stream;
	uint32_t ppid;
};

struct shim_socket {
	bool used;
	bool bound;
	struct sockaddr_in local, remote;
	uint32_t tag, tsn; /* of the capture */
};

static struct shim_socket sockets[FD_MAX];
static uint32_t last_tag;

static struct shim_socket *shim_of(int fd)
{
	return fd >= 0 && fd < FD_MAX && sockets[fd].used ? &sockets[fd] : NULL;
}

/* Takes fd under the shim's care; closes it when its number is too high. */
static int shim_adopt(int fd)
{
	if (fd < 0)
		return fd;
	if (fd >= FD_MAX) {
		REAL(close)(fd);
		errno = EMFILE;
		return -1;
	}
	sockets[fd] = (struct shim_socket){.used = true, .tag = ++last_tag};
	sockets[fd].local.sin_family = sockets[fd].remote.sin_family = AF_INET;
	return fd;
}

static bool as_ipv4(const struct sockaddr *sa, struct sockaddr_in *in)
{
	if (sa->sa_family != AF_INET) {
		errno = EAFNOSUPPORT;
		return false;
	}
	memcpy(in, sa, sizeof(*in));
	return true;
}

static socklen_t unix_name(struct sockaddr_un *un, const struct sockaddr_in *in)
{
	char addr[INET_ADDRSTRLEN];
	int len;

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	inet_ntop(AF_INET, &in->sin_addr, addr, sizeof(addr));
	len = snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1, "sctp:%s:%u", addr, ntohs(in->sin_port));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

/* The name of the other end, as unix_name() wrote it. */
static void peer_address(int fd, struct sockaddr_in *in)
{
	struct sockaddr_un un = {0};
	socklen_t len = sizeof(un) - 1;
	char addr[INET_ADDRSTRLEN];
	unsigned int port;

	if (REAL(getpeername)(fd, (struct sockaddr *)&un, &len) == 0 &&
	    sscanf(un.sun_path + 1, "sctp:%15[0-9.]:%u", addr, &port) == 2) {
		inet_pton(AF_INET, addr, &in->sin_addr);
		in->sin_port = htons((uint16_t)port);
	}
}

static int copy_address(const struct sockaddr_in *in, struct sockaddr *sa, socklen_t *len)
{
	if (sa && len) {
		memcpy(sa, in, *len < sizeof(*in) ? *len : sizeof(*in));
		*len = sizeof(*in);
	}
	return 0;
}

static int shim_bind(int fd, const struct sockaddr *sa)
{
	struct sockaddr_un un;
	struct sockaddr_in in;
	socklen_t len;

	if (!as_ipv4(sa, &in))
		return -1;
	shim_of(fd)->local.sin_addr = in.sin_addr;
	if (!in.sin_port || shim_of(fd)->bound) /* a further address of the same endpoint */
		return 0;
	len = unix_name(&un, &in);
	if (REAL(bind)(fd, (struct sockaddr *)&un, len) < 0)
		return -1;
	shim_of(fd)->local = in;
	shim_of(fd)->bound = true;
	return 0;
}

/* A client that asked for no port gets one, so that the server sees an address. */
static void bind_ephemeral(int fd)
{
	struct shim_socket *s = shim_of(fd);
	struct sockaddr_un un;

	for (unsigned int port = FIRST_PORT; !s->bound && port <= UINT16_MAX; port++) {
		s->local.sin_port = htons((uint16_t)port);
		s->bound = REAL(bind)(fd, (struct sockaddr *)&un, unix_name(&un, &s->local)) == 0;
	}
}

static int shim_connect(int fd, const struct sockaddr *sa)
{
	struct sockaddr_un un;
	struct sockaddr_in in;
	socklen_t len;

	if (!as_ipv4(sa, &in))
		return -1;
	bind_ephemeral(fd);
	len = unix_name(&un, &in);
	shim_of(fd)->remote = in;
	return REAL(connect)(fd, (struct sockaddr *)&un, len);
}

int socket(int domain, int type, int protocol)
{
	if (protocol != IPPROTO_SCTP)
		return REAL(socket)(domain, type, protocol);
	return shim_adopt(REAL(socket)(AF_UNIX, SOCK_SEQPACKET | (type & (SOCK_NONBLOCK | SOCK_CLOEXEC)), 0));
}

int close(int fd)
{
	if (shim_of(fd))
		shim_of(fd)->used = false;
	return REAL(close)(fd);
}

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	return shim_of(fd) ? shim_bind(fd, sa) : REAL(bind)(fd, sa, len);
}

int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	return shim_of(fd) ? shim_connect(fd, sa) : REAL(connect)(fd, sa, len);
}

int sctp_bindx(int fd, struct sockaddr *addrs, int count, int flags)
{
	return shim_bind(fd, addrs);
}

int sctp_connectx(int fd, struct sockaddr *addrs, int count, sctp_assoc_t *id)
{
	if (id)
		*id = 1;
	return shim_connect(fd, addrs);
}

int accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	const struct shim_socket *listener = shim_of(fd);
	int peer;

	if (!listener)
		return REAL(accept)(fd, sa, len);
	peer = shim_adopt(REAL(accept)(fd, NULL, NULL));
	if (peer < 0)
		return peer;
	sockets[peer].local = listener->local;
	peer_address(peer, &sockets[peer].remote);
	copy_address(&sockets[peer].remote, sa, len);
	return peer;
}

int getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	return shim_of(fd) ? copy_address(&shim_of(fd)->local, sa, len) : REAL(getsockname)(fd, sa, len);
}

int getpeername(int fd, struct sockaddr *sa, socklen_t *len)
{
	return shim_of(fd) ? copy_address(&shim_of(fd)->remote, sa, len) : REAL(getpeername)(fd, sa, len);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (shim_of(fd) && level != SOL_SOCKET)
		return 0;
	return REAL(setsockopt)(fd, level, name, value, len);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (!shim_of(fd) || level == SOL_SOCKET)
		return REAL(getsockopt)(fd, level, name, value, len);
	if (value && len)
		memset(value, 0, *len);
	return 0;
}

static int pcap_open(void)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, figures, snaplen, linktype;
	} head = {PCAP_MAGIC, 2, 4, 0, 0, 65535, PCAP_RAW_IP};
	const char *path = getenv("SCTPSHIM_PCAP");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;

	if (fd >= 0 && write(fd, &head, sizeof(head)) != sizeof(head)) {
		REAL(close)(fd);
		return -1;
	}
	return fd;
}

/* One message as a packet of its own: IPv4 header, SCTP header, one DATA chunk.  Each association has a
 * verification tag of its own: tshark tells associations apart by ports and tag, and drops what looks like a repeated
 * TSN. */
static void capture(struct shim_socket *s, bool sent, const struct shim_header *h, const void *data, size_t len)
{
	static int file = -2; /* not yet opened */
	const struct sockaddr_in *from = sent ? &s->local : &s->remote, *to = sent ? &s->remote : &s->local;
	struct {
		uint16_t sport, dport;
		uint32_t tag, crc;
		uint8_t type, flags;
		uint16_t len;
		uint32_t tsn;
		uint16_t stream, seq;
		uint32_t ppid;
	} sctp = {.sport = from->sin_port,
		  .dport = to->sin_port,
		  .tag = htonl(s->tag),
		  .type = SCTP_DATA,
		  .flags = SCTP_DATA_FULL};
	struct iphdr ip = {.ihl = 5, .version = 4, .ttl = 64, .protocol = IPPROTO_SCTP};
	size_t pad = (4 - len % 4) % 4, total = sizeof(ip) + sizeof(sctp) + len + pad;
	struct timeval now;
	uint32_t record[4];
	struct iovec iov[] = {{record, sizeof(record)},
			      {&ip, sizeof(ip)},
			      {&sctp, sizeof(sctp)},
			      {(void *)data, len},
			      {(void *)"\0\0\0", pad}};

	if (file == -2)
		file = pcap_open();
	if (file < 0)
		return;
	gettimeofday(&now, NULL);
	record[0] = (uint32_t)now.tv_sec;
	record[1] = (uint32_t)now.tv_usec;
	record[2] = record[3] = (uint32_t)total;
	ip.tot_len = htons((uint16_t)total);
	ip.saddr = from->sin_addr.s_addr;
	ip.daddr = to->sin_addr.s_addr;
	sctp.len = htons((uint16_t)(16 + len));
	sctp.tsn = htonl(++s->tsn);
	sctp.stream = htons((uint16_t)h->stream);
	sctp.ppid = h->ppid;
	if (writev(file, iov, 5) < 0)
		file = -1;
}

static int shim_send(int fd, const void *data, size_t len, uint32_t stream, uint32_t ppid)
{
	struct shim_header h = {stream, ppid};
	struct iovec iov[] = {{&h, sizeof(h)}, {(void *)data, len}};
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t rc = sendmsg(fd, &mh, MSG_NOSIGNAL);

	if (rc < 0)
		return -1;
	capture(shim_of(fd), true, &h, data, len);
	return (int)len;
}

int sctp_sendmsg(int fd, const void *data, size_t len, struct sockaddr *to, socklen_t tolen, uint32_t ppid,
		 uint32_t flags, uint16_t stream, uint32_t ttl, uint32_t context)
{
	return shim_send(fd, data, len, stream, ppid);
}

int sctp_send(int fd, const void *data, size_t len, const struct sctp_sndrcvinfo *info, int flags)
{
	return shim_send(fd, data, len, info ? info->sinfo_stream : 0, info ? info->sinfo_ppid : 0);
}

int sctp_recvmsg(int fd, void *data, size_t len, struct sockaddr *from, socklen_t *fromlen,
		 struct sctp_sndrcvinfo *info, int *flags)
{
	struct shim_header h = {0, 0};
	struct iovec iov[] = {{&h, sizeof(h)}, {data, len}};
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t rc = recvmsg(fd, &mh, 0);

	if (rc < (ssize_t)sizeof(h))
		return rc < 0 ? -1 : 0;
	if (info) {
		memset(info, 0, sizeof(*info));
		info->sinfo_stream = (uint16_t)h.stream;
		info->sinfo_ppid = h.ppid;
	}
	if (flags)
		*flags = MSG_EOR;
	capture(shim_of(fd), false, &h, data, (size_t)rc - sizeof(h));
	return (int)rc - (int)sizeof(h);
}
