#!/bin/sh
# In the virtual machine of scripts/hosts-on-nfs: a server with /shared on a disk of its own, and
# hosts, each with a network, a name and a mount of that folder, and so with a cache of its own. What
# build/nfs/job says is then run on the server, which sees the folder itself.
set -u
project=$1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
trap 'echo "== end"; sync; echo o >/proc/sysrq-trigger; while :; do read -r _ </dev/console; done' EXIT

die()
{
    echo "nfs: $1"
    dmesg | tail -5
    exit 1
}

mount -t tmpfs memory /run
mount -t tmpfs memory /dev/shm 2>/dev/null || { mkdir /dev/shm && mount -t tmpfs memory /dev/shm; }
mkdir -p /dev/pts /run/hosts /run/netns /run/rpcbind /shared /var/lib/nfs/sm /var/lib/nfs/v4recovery /etc
mount -t devpts devpts /dev/pts
for m in virtio_blk ext4 nfsd nfs nfsv3 nfsv4 veth bridge; do
    modprobe "$m" || die "no kernel module $m"
done
hostname server
mkfs.ext4 -q /dev/vda && mount /dev/vda /shared && chmod 777 /shared || die "no disk"

ip link set lo up
ip link add bridge type bridge
ip addr add 10.99.0.1/24 dev bridge
ip link set bridge up
: >/var/lib/nfs/etab
: >/var/lib/nfs/rmtab
: >/etc/exports
mount -t nfsd nfsd /proc/fs/nfsd || die "no nfsd"
echo 10 >/proc/fs/nfsd/nfsv4leasetime
echo 10 >/proc/fs/nfsd/nfsv4gracetime
exportfs -o rw,no_root_squash,sync,fsid=0,no_subtree_check '*:/shared' || die "cannot export"
grep -q '^_rpc:' /etc/passwd || echo '_rpc:x:119:65534::/run/rpcbind:/usr/sbin/nologin' >>/etc/passwd
chmod 777 /run/rpcbind
rpcbind -w || die "no rpcbind" # which version 3 needs
rpc.nfsd -V 3 -H 10.99.0.1 8 || die "no server"
rpc.mountd -V 3 || die "no mountd"
echo Y >/proc/fs/nfsd/v4_end_grace

# host NAME FOLDER OPTIONS: files in /run/hosts that nsenter(1) takes.
mount --bind /run/hosts /run/hosts
mount --make-private /run/hosts
number=10
host()
{
    ip netns add "$1"
    ip link add "v-$1" type veth peer name eth0 netns "$1"
    ip link set "v-$1" master bridge up
    ip -n "$1" addr add "10.99.0.$number/24" dev eth0
    ip -n "$1" link set eth0 up
    ip -n "$1" link set lo up
    number=$((number + 1))
    touch "/run/hosts/$1.uts" "/run/hosts/$1.mnt"
    nsenter --net="/run/netns/$1" unshare --uts="/run/hosts/$1.uts" --mount="/run/hosts/$1.mnt" \
        sh -c 'hostname "$1" && mount -t nfs -o "$3" "10.99.0.1:$2" /shared' sh "$@" ||
        die "$1 cannot mount"
    ln -s "/run/netns/$1" "/run/hosts/$1.net"
}
for name in host-one host-two host-early host-late m0 m1 m2 m3; do
    host "$name" / vers=4.2
done
# Only versions before 4 know locks that the server does not hear of.
host host-local /shared vers=3,nolock,proto=tcp

export HOSTS=/run/hosts TMPDIR=/shared
export TF_PROVIDER_BINARY="$project/build/release/terraform-provider-ipam"
printf '\n== begin\n'
cd "$project" && sh build/nfs/job
echo "exit code $?"
