using System;
using System.Globalization;
using System.IO;
using System.Net;
using System.Text;

namespace Sterna.Editor
{
    /// <summary>
    /// The operators' side of a server on this machine (`sterna serve --dev`): what the inspector's buttons do.
    /// </summary>
    public sealed class DevServer
    {
        /// <summary>Where `sterna serve` listens for operators unless it is told otherwise.</summary>
        public const string DefaultAddress = "127.0.0.1:7990";

        private const int TimeoutMs = 3000;
        private const int TokenLifeS = 8 * 60 * 60;

        private readonly string address;

        /// <summary>The server with this address of operators; it must be of this machine.</summary>
        public DevServer(string address = DefaultAddress)
        {
            this.address = address;
        }

        /// <summary>A connect token of the development issuer, for this user.</summary>
        /// <exception cref="SternaException">The server is not there, or refuses.</exception>
        public string Token(string user)
        {
            string answer = Post("/v1/admin/token", "{\"user\":" + Quoted(user) + ",\"life_s\":" + TokenLifeS + "}");
            const string Before = "\"token\":\"";
            int begin = answer.IndexOf(Before, StringComparison.Ordinal);
            int end = begin < 0 ? -1 : answer.IndexOf('"', begin + Before.Length);
            if (end < 0)
            {
                throw new SternaException(SternaResult.PeerMisbehaved, address + " gives no token: " + answer);
            }
            return answer.Substring(begin + Before.Length, end - begin - Before.Length);
        }

        /// <summary>
        /// Scales a node in: it goes offline, its players move away until the deadline, then it stops for good.
        /// </summary>
        /// <exception cref="SternaException">The server is not there, or refuses.</exception>
        public void ScaleIn(string node, TimeSpan deadline)
        {
            string milliseconds = ((long)deadline.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
            Post("/v1/admin/nodes/" + Uri.EscapeDataString(node) + "/drain",
                "{\"deadline_ms\":" + milliseconds + ",\"reason\":\"scale_in\"}");
        }

        private string Post(string path, string body)
        {
            try
            {
                var request = (HttpWebRequest)WebRequest.Create("http://" + address + path);
                request.Method = "POST";
                request.ContentType = "application/json";
                request.Timeout = TimeoutMs;
                request.ReadWriteTimeout = TimeoutMs;
                request.Proxy = null;
                byte[] bytes = Encoding.UTF8.GetBytes(body);
                request.ContentLength = bytes.Length;
                using (Stream stream = request.GetRequestStream())
                {
                    stream.Write(bytes, 0, bytes.Length);
                }
                using (WebResponse response = request.GetResponse())
                {
                    return Read(response);
                }
            }
            catch (WebException error)
            {
                if (error.Response == null)
                {
                    throw new SternaException(
                        SternaResult.Unreachable,
                        "no server answers at " + address + ": start `sterna serve --nodes 3 --dev`: " + error.Message,
                        error);
                }
                using (error.Response)
                {
                    throw new SternaException(SternaResult.RequestFailed, Read(error.Response), error);
                }
            }
            catch (UriFormatException error)
            {
                throw new SternaException(
                    SternaResult.InvalidArgument, address + " is no address like " + DefaultAddress, error);
            }
        }

        private static string Read(WebResponse response)
        {
            using (var reader = new StreamReader(response.GetResponseStream(), Encoding.UTF8))
            {
                return reader.ReadToEnd();
            }
        }

        private static string Quoted(string text)
        {
            var quoted = new StringBuilder("\"");
            foreach (char c in text)
            {
                if (c == '"' || c == '\\')
                {
                    quoted.Append('\\').Append(c);
                }
                else if (c < ' ')
                {
                    quoted.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                }
                else
                {
                    quoted.Append(c);
                }
            }
            return quoted.Append('"').ToString();
        }
    }
}
