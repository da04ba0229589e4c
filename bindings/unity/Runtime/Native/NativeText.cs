using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Sterna
{
    /// <summary>Texts of the library: UTF-8 that ends in a NUL.</summary>
    internal static unsafe class NativeText
    {
        /// <summary>Room for the longest key of a room's property, 255 bytes, and the NUL.</summary>
        internal const int KeyBytesMax = 256;

        internal static string Read(byte* text)
        {
            return text == null ? string.Empty : Read(text, Length(text));
        }

        internal static string Read(byte* text, int length)
        {
            return length == 0 ? string.Empty : Encoding.UTF8.GetString(text, length);
        }

        internal static int Length(byte* text)
        {
            int length = 0;
            while (text[length] != 0)
            {
                length++;
            }
            return length;
        }

        /// <summary>
        /// Writes a key and its NUL into <see cref="KeyBytesMax"/> bytes, without allocating. False if it does not
        /// fit, or has a NUL inside: then it cannot be a key.
        /// </summary>
        internal static bool WriteKey(string key, byte* into)
        {
            if (key == null || key.Length >= KeyBytesMax || key.IndexOf('\0') >= 0)
            {
                return false;
            }
            fixed (char* chars = key)
            {
                if (Encoding.UTF8.GetByteCount(chars, key.Length) >= KeyBytesMax)
                {
                    return false;
                }
                int length = Encoding.UTF8.GetBytes(chars, key.Length, into, KeyBytesMax - 1);
                into[length] = 0;
            }
            return true;
        }

        /// <summary>What the last call of this thread that failed has to say.</summary>
        internal static string LastError()
        {
            return Read(NativeMethods.sterna_last_error());
        }
    }

    /// <summary>
    /// Texts that come again and again, such as user ids and keys: each is made a string once.
    /// </summary>
    internal sealed unsafe class TextCache
    {
        /// <summary>Past it the cache begins anew: a game that has so many texts has them from a counter.</summary>
        private const int TextsMax = 4096;

        private struct Entry
        {
            internal byte[] Bytes;
            internal string Text;
            internal int Next;
        }

        private readonly Dictionary<int, int> firstByHash = new Dictionary<int, int>();
        private readonly List<Entry> entries = new List<Entry>();

        internal string Get(byte* text)
        {
            int length = NativeText.Length(text);
            if (length == 0)
            {
                return string.Empty;
            }
            int hash = Hash(text, length);
            int first;
            if (!firstByHash.TryGetValue(hash, out first))
            {
                first = -1;
            }
            for (int index = first; index >= 0; index = entries[index].Next)
            {
                if (IsSame(entries[index].Bytes, text, length))
                {
                    return entries[index].Text;
                }
            }
            return Add(text, length, hash, first);
        }

        private string Add(byte* text, int length, int hash, int next)
        {
            if (entries.Count >= TextsMax)
            {
                entries.Clear();
                firstByHash.Clear();
                next = -1;
            }
            var entry = new Entry { Bytes = new byte[length], Text = NativeText.Read(text, length), Next = next };
            Marshal.Copy((IntPtr)text, entry.Bytes, 0, length);
            firstByHash[hash] = entries.Count;
            entries.Add(entry);
            return entry.Text;
        }

        private static bool IsSame(byte[] bytes, byte* text, int length)
        {
            if (bytes.Length != length)
            {
                return false;
            }
            for (int i = 0; i < length; i++)
            {
                if (bytes[i] != text[i])
                {
                    return false;
                }
            }
            return true;
        }

        /// <summary>FNV-1a.</summary>
        private static int Hash(byte* text, int length)
        {
            uint hash = 2166136261;
            for (int i = 0; i < length; i++)
            {
                hash = unchecked((hash ^ text[i]) * 16777619);
            }
            return unchecked((int)hash);
        }
    }
}
