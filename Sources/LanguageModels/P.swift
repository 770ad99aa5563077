import Crypto
import Subprocess
