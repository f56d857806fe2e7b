/**
 * A machine of its own for a daemon, as far as the network goes, at the other end of a line that
 * loses packets, is slow, or is not there: a network namespace and a pair of devices.
 *
 * Unlike a proxy, it lets neither side's kernel know.
 */
import { command, works } from './command.ts'

/** Of the addresses that are kept for measurements, a network of four for each process. */
const [first, last] = addresses(process.pid)

/** Bytes that a slow line takes at once, and how long others wait for it. */
const slow = 'burst 16k latency 400ms'

const ours = `mr${process.pid}a`
const theirs = `mr${process.pid}b`
const name = `millrace-${process.pid}`

export class BadNetwork {
  /** What is not here, null when it can be made. */
  static readonly missing =
    works(`unshare -n ip link add ${ours} type veth`) &&
    works("unshare -n nft 'table inet t { chain c { numgen random mod 100 < 1 drop; }; };'")
      ? null
      : 'network namespaces, iproute2 and nftables'

  /** Where the daemon listens. */
  readonly host = last
  /** For {@link ServedOptions.wrap}. */
  readonly wrap: readonly string[] = ['ip', 'netns', 'exec', name]

  /** One of a process at a time. */
  static async open(): Promise<BadNetwork> {
    const network = new BadNetwork()
    await command(`ip netns add ${name}`)
    try {
      await command(`ip link add ${ours} type veth peer name ${theirs} netns ${name}`)
      await command(`ip address add ${first}/30 dev ${ours}`)
      await command(`ip -n ${name} address add ${last}/30 dev ${theirs}`)
      await command(`ip link set ${ours} up`)
      await command(`ip -n ${name} link set ${theirs} up`)
      await command(`ip -n ${name} link set lo up`)
      return network
    } catch (thrown) {
      await network.close()
      throw thrown
    }
  }

  private constructor() {
    // Made by `open`.
  }

  /** Nothing comes through, and nobody is told. */
  async partition(): Promise<void> {
    await this.#rule('meta l4proto tcp drop')
  }

  /** So many of a hundred packets are lost, in each direction. */
  async lose(percent: number): Promise<void> {
    await this.#rule(`meta l4proto tcp numgen random mod 100 < ${percent} drop`)
  }

  /** Whoever sends something is told that there is no such connection. */
  async reset(): Promise<void> {
    await this.#rule('meta l4proto tcp reject with tcp reset')
  }

  /** The line carries so much, in each direction. @param rate  As `tc` has it: `1mbit`. */
  async throttle(rate: string): Promise<void> {
    await command(`tc qdisc add dev ${ours} root tbf rate ${rate} ${slow}`)
    await command(`tc -n ${name} qdisc add dev ${theirs} root tbf rate ${rate} ${slow}`)
  }

  /** As good as new. */
  async heal(): Promise<void> {
    await command(`ip netns exec ${name} nft 'flush ruleset'`)
    // There may be none.
    await command(`tc qdisc del dev ${ours} root`).catch(() => {})
    await command(`tc -n ${name} qdisc del dev ${theirs} root`).catch(() => {})
  }

  async close(): Promise<void> {
    // The devices go with it.
    await command(`ip netns delete ${name}`)
  }

  async #rule(rule: string): Promise<void> {
    const chains = ['input', 'output'].map(
      (hook) => `chain ${hook} { type filter hook ${hook} priority 0; ${rule}; };`,
    )
    await command(
      `ip netns exec ${name} nft 'flush ruleset; table inet t { ${chains.join(' ')} };'`,
    )
  }
}

/** @see RFC 2544, appendix C.2.2 */
function addresses(pid: number): readonly [string, string] {
  const network = (pid % 2 ** 15) * 4
  const text = (n: number) => `198.${18 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`
  return [text(network + 1), text(network + 2)]
}
