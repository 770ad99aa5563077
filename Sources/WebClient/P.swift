import AsyncHTTPClient
import Logging
import NIOCore
