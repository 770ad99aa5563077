/// Formats that hold no text to review, by the extensions of their files.
enum BinaryFormats {
  private static let images =
    "png jpg jpeg gif bmp ico icns webp avif heic heif tif tiff psd xcf jp2 tga exr hdr"
  private static let fonts = "ttf otf ttc woff woff2 eot pfb"
  private static let archives =
    "zip gz tgz bz2 tbz2 xz txz zst lz4 lzma br 7z rar tar cab cpio iso dmg deb rpm apk ipa nupkg"
  private static let media =
    "mp3 m4a aac ogg oga opus flac wav aif aiff mid mp4 m4v mov avi mkv webm mpg mpeg wmv flv"
  private static let documents =
    "pdf doc docx docm dotx xls xlsx xlsm xlsb ppt pptx pptm odt ods odp odg epub pages numbers"
  private static let compiled =
    "o obj a lib so dylib dll exe class jar war ear aar pyc pyo pyd wasm beam node pdb nib swiftmodule"

  private static let extensions = Set(
    [images, fonts, archives, media, documents, compiled].flatMap { $0.split(separator: " ") })

  static func contains(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return false }
    let ending = name[name.index(after: dot)...].lowercased()
    return extensions.contains(ending[...])
  }
}
