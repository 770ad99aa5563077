// Prints what `git apply --numstat` prints for a diff, to be timed beside it.
import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

guard CommandLine.arguments.count == 2 else {
  print("usage: DiffNumstat FILE")
  exit(64)
}
guard let file = fopen(CommandLine.arguments[1], "rb") else {
  print("DiffNumstat: \(CommandLine.arguments[1]) cannot be opened; name a readable file")
  exit(66)
}
fseek(file, 0, SEEK_END)
let size = ftell(file)
rewind(file)
let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
  count = fread(buffer.baseAddress, 1, size, file)
}
fclose(file)

do {
  let diff = try Diff(parsing: bytes)
  var output: [UInt8] = []
  for file in diff.files {
    let counts = file.isBinary ? "-\t-\t" : "\(file.additions)\t\(file.deletions)\t"
    output.append(contentsOf: counts.utf8)
    output.append(contentsOf: file.path.bytes)
    output.append(UInt8(ascii: "\n"))
  }
  var rest = output[...]
  while !rest.isEmpty {
    let written = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    guard written > 0 else { exit(74) }
    rest = rest.dropFirst(written)
  }
} catch {
  print("DiffNumstat: \(error)")
  exit(65)
}
