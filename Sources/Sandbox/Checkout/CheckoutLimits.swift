public import Domain

/// How much of a repository may reach this machine.
public struct CheckoutLimits: Sendable, Hashable {
  /// On disk, all that was fetched together.
  public var download: ByteCount
  /// All files of the commit together, as they are when written out.
  public var tree: ByteCount
  /// Files and links of the commit.
  public var files: Int
  /// A larger file is not fetched unless it is named in `WorkspacePlan.only` or asked for.
  public var file: ByteCount
  /// For one fetch or push.
  public var time: Duration
  /// What a command may write beside the files that it is given.
  public var growth: ByteCount
  /// How many files and folders a command may make beside those that it is given.
  public var growthFiles: Int
  /// What a command has to leave of the disk.
  public var reserve: ByteCount

  public init(
    download: ByteCount = .mebibytes(512), tree: ByteCount = .mebibytes(1024),
    files: Int = 100_000, file: ByteCount = .mebibytes(32), time: Duration = .seconds(180),
    growth: ByteCount = .mebibytes(512), growthFiles: Int = 100_000,
    reserve: ByteCount = .mebibytes(512)
  ) {
    self.download = download
    self.tree = tree
    self.files = files
    self.file = file
    self.time = time
    self.growth = growth
    self.growthFiles = growthFiles
    self.reserve = reserve
  }
}
