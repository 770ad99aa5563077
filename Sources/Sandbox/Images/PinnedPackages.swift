/// The whole closure of what the images install, as pip resolves it, with the SHA-256 of each wheel
/// for CPython 3.10 to 3.14 on glibc Linux, x86-64 and ARM 64.
///
/// Made by `Scripts/pin-images.py`; never edited by hand.
enum PinnedPackages {
  static let data: [PinnedPackage] = [
    PinnedPackage(
      "numpy", "2.2.6", .before311,
      [
        "efd28d4e9cd7d7a8d39074a4d44c63eda73401580c5c76acda2ce969e0a38e83",
        "fc7b73d02efb0e18c000e9ad8b83480dfcd5dfd11065997ed4c6747470ae8915",
      ]),
    PinnedPackage(
      "numpy", "2.4.6", .from311,
      [
        "0ab0a9c4ffb1a6d95ef519fe4247dba8eb6b18ad93999f76b7f657039acabd47",
        "40fdc1ae7125e518ea98e53e69a4ebc27e1fd50510c47b7ea130cf21e5e1d42b",
        "5f9fb9157b4ce2971008323afe46053787b526ef624fea915b261468a8421a0f",
        "72fbe16c6fac95aedf5937fa873445cec2110be35d8a4e9433d7501fd98dae6b",
        "89cd468399cfd2504718f0ba50e410dca55a170b61a02ad92bb18c8a65186e93",
        "90f9849678c75fe7afa2d348ac842c168b0a4d3d61919687216dfc547976d853",
        "a2c306dea656c12c68f51f4cea133cbe78ca7435eb28c735eac1d3ebe73be6e8",
        "a7830bab239b79cda9c08c2da014761cafb48da6150e1da17ac06283f43b6089",
      ]),
    PinnedPackage(
      "pandas", "2.3.3", .before311,
      [
        "5caf26f64126b6c7aec964f74266f435afef1c1b13da3b0636c7518a1fa3e2b1",
        "dd7478f1463441ae4ca7308a70e90b33470fa593429f9d4c578dd00d1fa78838",
      ]),
    PinnedPackage(
      "pandas", "3.1.1", .from311,
      [
        "028490c8ac2e03e18c9b08b7f3612e149b03570209bcf741d23833a7a5377ab2",
        "0f628bb9a4681695da1dcc04efef86bc8c67095300d8da928b9886259cb0dada",
        "326459d8a9be11b5f48c7fc1d63e38ba7cfeaebe5d41bd19e4c5f4f11dc9ac91",
        "4f1602f614bb83f443381dbcbb94c4ac764b2e50c8d6c965614c5cd83e328c47",
        "57112bab44e336758121435cd01ccebc1e4fca56c28d95d7c03bf2418dedea6a",
        "593fb29eb5e51ab77ee37bda7ab2232aa1077088af7b4acbd18ca2f43f6c02f5",
        "645fa00fd85cfced2d2c09dc116d3694f578501b1ce4899153fbe64788ecda98",
        "bf0cf825769b60f9a01a8ff77ed82cfca9ccf2609170814f8f00810f5eaeae71",
      ]),
    PinnedPackage(
      "python-dateutil", "3.0.0", .before311,
      [
        "3c79630202e4152c6add678446984236efe4f57e84d8e892aab0637bab82e9fd"
      ]),
    PinnedPackage(
      "python-dateutil", "4.0.0", .from311,
      [
        "a5e246f79eb80475e691bf93862cead98decd8a498cf53ba0516fcdc0f50dc1c"
      ]),
    PinnedPackage(
      "pytz", "2026.6", .before311,
      [
        "7fed3fee8fd6bd4a2b7b75a8d56021d0624127bf69bd5691f115db929ac570b3"
      ]),
    PinnedPackage(
      "six", "1.17.0", .before311,
      [
        "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"
      ]),
    PinnedPackage(
      "tzdata", "2026.6", .any,
      [
        "0a10eec6e13ef16b627fabed9a5f2ba61a62b1c67f327305f4e7e412a70b4aec"
      ]),
  ]

  static let test: [PinnedPackage] = [
    PinnedPackage(
      "ast-serialize", "0.13.1", .any,
      [
        "77a6201b69ce42e919f2fd9a559138d5410b5d8afff7c3a6b1f500b0481ff7d8",
        "9f99786e0d62082a5b121b3437f3167562133711df22128de1e9886f57f0b226",
      ]),
    PinnedPackage(
      "bandit", "1.9.4", .any,
      [
        "f89ffa663767f5a0585ea075f01020207e966a9c0f2b9ef56a57c7963a3f6f8e"
      ]),
    PinnedPackage(
      "exceptiongroup", "1.3.1", .before311,
      [
        "a7a39a3bd276781e98394987d3a5701d0c4edffb633bb7a5144577f82c773598"
      ]),
    PinnedPackage(
      "hypothesis", "6.168.5", .before311,
      [
        "30208c44364b6fe1f70c74b45f3f1f8a173a749d876294a80fe88c9cf16ab6d0",
        "54f40be9b9c6b7b058ff56b0b18a91ff4cfa57a7c7756043eabaa094a0a162c9",
      ]),
    PinnedPackage(
      "hypothesis", "6.170.15", .from311,
      [
        "9f5937e70c636ee46bd2242d9ef120d19744e63ce7d17a92fd4c9f57ef62b1c3",
        "b1f37920547eafa77814bc9b638e47299562123023bdf3c9cb002795bb90fc92",
        "dce4d989f6b9c0a589b944591f13de3dff34e186c14401e11b819fed81d70a5b",
        "e9e20ec17d2095e9314ea232b4e34b5510def0d9e7a7e764cc70cae88fe4b0c4",
        "eb6fe3d1cb91d4f14fd307f10ae969ef7e866c16e4010a750d1cade145dfd764",
        "ecbd6294a636594580689debc3011a0ca3eb76577770f661224314202f107e14",
        "f25261d1656f830a78863844be5fb55cd0208154dc9ddec85d44fe691488c557",
        "f91f27a89e8d55c7f043cb1e10705096236d4f7bcb35f3ac4f821e0c9b9bcd05",
      ]),
    PinnedPackage(
      "iniconfig", "2.3.1", .any,
      [
        "9121e2c1fdb355232495be3194c8dfe87ccc2d5dee45947b78e68f499790d7a7"
      ]),
    PinnedPackage(
      "librt", "0.16.0", .any,
      [
        "17bac7f7a16b328fff77e440287693eb017abde913595b5827ebccbc21ecd8a6",
        "36e53948e99bbe3ffea257124cfcae1cfb01831555c9a9c903c9f9a72db7fd07",
        "473eebc7866bb0a0c8849a292b5e7157c1aba5d14d0f0f610c52158d6d964262",
        "64c79520414a3fdfc6aabd7593e6169afa14d5f8d9908d4b498db068868b08dd",
        "7e510b7770bee609617a3374a96548eb114cae048023e3f049ee449e7ff2db32",
        "877698bf6bca5721d8be345f2fe09778e40ecadea8b58c73075f2b1a53666bf2",
        "94aed6a8308818b91677957d1bd03188869cd7aeb23c5dba7912a6c0402f7602",
        "be56ba9c884143495b517f23fe794ae367d58cd89ea0fdd6d437e3c024a87f9f",
        "ca8052401c55d7511dda6760719fda7618067e83535d7d0010096d216c34b667",
        "ff7baa55f8e7c69851419e50a666015d02a74198716fd45c0125a2112e0a389f",
      ]),
    PinnedPackage(
      "markdown-it-py", "4.3.0", .any,
      [
        "7aa1511a46c39138de78d9eba92ce47e63124d8003fc98b3a351909e04239efa"
      ]),
    PinnedPackage(
      "mdurl", "0.1.2", .any,
      [
        "84008a41e51615a49fc9966191ff91509e3c40b939176e643fd50a5c2196b8f8"
      ]),
    PinnedPackage(
      "mypy", "2.4.1", .any,
      [
        "0724cf95fabc87ca4a2d5b7f276b43f51afce8a3804bde704490b008e377e50b",
        "1fb70621535c22fd4b1a0450d37ed1d6c5eb39656a1cebfb189084c12de54ba7",
        "4e18d0da3898b3bcd16192f15a206e7b8b8dd0f4a0b3e51aa5bd5c2afe749e2c",
        "680ba5d9f0e3fe0c746b3d14df15f2a718e4bc308a1145616a1ea691ce7c354b",
        "727890a32f1858c09549eb55a8b234fe990d460450b28f03e8213ef925f1247c",
        "7344869cad05f073b8cae2826774fa0161e3eb2f5c685b76813574008d77d750",
        "a20ff6cd2af7a670c64f089bfa5fbcebe8ff3bf896c5e6ac7c9862c7960e4494",
        "b69a15fc2e75858d6b15e91ed3a0dcff1a533265183b64734138791fe0f49aa5",
        "beb254fec368c4e7f7f82a5f310c6470b893ec88a90b66426da971c6826b0453",
        "c535efcb91f7e66f41b9bd2b5dbd78900a7609ce88f4c020d668e4c82d082b0b",
      ]),
    PinnedPackage(
      "mypy-extensions", "1.2.0", .any,
      [
        "993e7a20aa5671eb41a7132cf555af30062da99729601601b9a8382b11cae768"
      ]),
    PinnedPackage(
      "packaging", "26.3", .any,
      [
        "d7193f7c8e4e93f444fde0262bf90af30e16fa0ad0ad44cb553c87339b23cd1c"
      ]),
    PinnedPackage(
      "pathspec", "1.1.1", .any,
      [
        "a00ce642f577bf7f473932318056212bc4f8bfdf53128c78bbd5af0b9b20b189"
      ]),
    PinnedPackage(
      "pluggy", "1.7.0", .any,
      [
        "7dd7b0d8832ba3cb632c306926ded123429211b83641b35dc5c41ad2d34f9bec"
      ]),
    PinnedPackage(
      "pygments", "2.21.0", .any,
      [
        "2363c69b61c4a97c838da3b130dcd6468f4848992b21a82f2a63ec34377137d9"
      ]),
    PinnedPackage(
      "pytest", "9.2.0", .any,
      [
        "07acdcf88ec174f907dc01af70bf52d49b014bbab03faeeade31c96b18c2e588"
      ]),
    PinnedPackage(
      "pyyaml", "6.0.3", .any,
      [
        "0f29edc409a6392443abf94b9cf89ce99889a1dd5376d94316ae5145dfedd5d6",
        "10892704fc220243f5305762e276552a0395f7beb4dbf9b14ec8fd43b57f126c",
        "501a031947e3a9025ed4405a168e6ef5ae3126c59f90ce0cd6f2bfc477be31b7",
        "9149cad251584d5fb4981be1ecde53a1ca46c891a79788c0df828d2f166bda28",
        "9c7708761fccb9397fe64bbc0395abcae8c4bf7b0eac081e12b809bf47700d0b",
        "b30236e45cf30d2b8e7b3e85881719e98507abed1011bf463a8fa23e9c3e98a8",
        "b8bb0864c5a28024fac8a632c443c87c5aa6f215c0b126c449ae1a150412f31d",
        "ba1cc08a7ccde2d2ec775841541641e4548226580ab850948cbfda66a1befcdc",
        "c458b6d084f9b935061bc36216e8a69a7e293a2f1e68bf956dcd9e6cbcd143f5",
        "ee2922902c45ae8ccada2c5b501ab86c36525b883eff4255313a253a3160861c",
      ]),
    PinnedPackage(
      "rich", "15.0.0", .any,
      [
        "33bd4ef74232fb73fe9279a257718407f169c09b78a87ad3d296f548e27de0bb"
      ]),
    PinnedPackage(
      "ruff", "0.17.6", .any,
      [
        "435241c61af5909a022f76219d3d1bf24730dc1bf0acabb5ddf4b569ab3cbb30",
        "aa3b08254a732acba246891089a152c47c5733dc36b8ecb76ce8602f8326e5e4",
      ]),
    PinnedPackage(
      "sortedcontainers", "2.4.0", .any,
      [
        "a163dcaede0f1c021485e957a39245190e74249897e2ae4b2aa38595db237ee0"
      ]),
    PinnedPackage(
      "stevedore", "5.10.0", .from311,
      [
        "47c48dc09e75933106c1bba0a7690eef3b5acecdb807df6d47cc40b2532fa927"
      ]),
    PinnedPackage(
      "stevedore", "5.8.0", .before311,
      [
        "88eede9e66ca80e34085b9174e2327da2c61ac91f24f70e41c3ad76e4bb4872b"
      ]),
    PinnedPackage(
      "tomli", "2.5.0", .before311,
      [
        "32a7b79ac57a2e83670ce329ccf675798bc5a2094783a63676866b70503f2e2b"
      ]),
    PinnedPackage(
      "typing-extensions", "4.16.0", .any,
      [
        "481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8"
      ]),
  ]
}
