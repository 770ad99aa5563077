#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Seconds since 1970 without Foundation's `Date`.
func systemSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The 4 or 16 bytes of a numeric IP address; `nil` for a name.
func addressBytes(_ text: String) -> [UInt8]? {
  for (family, length) in [(AF_INET, 4), (AF_INET6, 16)] {
    var bytes = [UInt8](repeating: 0, count: length)
    if inet_pton(family, text, &bytes) == 1 { return bytes }
  }
  return nil
}

/// The connection was never made, as opposed to lost. The other errors of the network, such as
/// `ETIMEDOUT`, befall connections that stand as well, by which a request may have arrived.
func meansUnreachable(_ errno: CInt) -> Bool { errno == ECONNREFUSED }
