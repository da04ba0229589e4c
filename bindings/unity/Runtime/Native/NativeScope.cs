using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Sterna
{
    /// <summary>
    /// Memory for the arguments of one call, given back when it is over. For calls that are made now and then, such as
    /// those about properties; messages are passed without a copy.
    /// </summary>
    internal sealed unsafe class NativeScope : IDisposable
    {
        private readonly List<IntPtr> blocks = new List<IntPtr>();

        public void Dispose()
        {
            foreach (IntPtr block in blocks)
            {
                Marshal.FreeHGlobal(block);
            }
            blocks.Clear();
        }

        internal byte* Bytes(byte[] bytes)
        {
            if (bytes == null)
            {
                return null;
            }
            byte* block = Allocate(bytes.Length);
            Marshal.Copy(bytes, 0, (IntPtr)block, bytes.Length);
            return block;
        }

        /// <summary>With a NUL at its end. Null stays null.</summary>
        internal byte* Text(string text)
        {
            if (text == null)
            {
                return null;
            }
            if (text.IndexOf('\0') >= 0)
            {
                throw new SternaException(SternaResult.InvalidArgument, "a text has a NUL inside: " + text);
            }
            return Bytes(Encoding.UTF8.GetBytes(text + "\0"));
        }

        internal byte** Texts(IList<string> texts)
        {
            var block = (byte**)Allocate(texts.Count * sizeof(byte*));
            for (int i = 0; i < texts.Count; i++)
            {
                block[i] = Text(texts[i]);
            }
            return block;
        }

        internal NativeValue Value(SternaValue value)
        {
            var native = new NativeValue();
            native.kind = (uint)value.Kind;
            native.integer = value.Integer;
            native.number = value.Number;
            byte[] bytes = value.Kind == SternaValueKind.Text ? Encoding.UTF8.GetBytes(value.Text) : value.Bytes;
            if (bytes != null)
            {
                native.length = (uint)bytes.Length;
                native.data = Bytes(bytes);
            }
            return native;
        }

        internal NativeRoomProperty* Properties(IDictionary<string, SternaValue> properties)
        {
            var block = (NativeRoomProperty*)Allocate(properties.Count * sizeof(NativeRoomProperty));
            int i = 0;
            foreach (KeyValuePair<string, SternaValue> property in properties)
            {
                block[i].key = Text(property.Key);
                block[i].value = Value(property.Value);
                i++;
            }
            return block;
        }

        internal NativeRoomCondition* Conditions(IList<SternaRoomCondition> conditions)
        {
            var block = (NativeRoomCondition*)Allocate(conditions.Count * sizeof(NativeRoomCondition));
            for (int i = 0; i < conditions.Count; i++)
            {
                block[i].key = Text(conditions[i].Key);
                block[i].comparison = (uint)conditions[i].Comparison;
                block[i].reserved = 0;
                block[i].value = Value(conditions[i].Value);
            }
            return block;
        }

        internal NativeRoomConfig* RoomConfig(SternaRoomConfig config)
        {
            if (config == null)
            {
                return null;
            }
            var block = (NativeRoomConfig*)Allocate(sizeof(NativeRoomConfig));
            *block = config.ToNative(this);
            return block;
        }

        private byte* Allocate(int bytes)
        {
            IntPtr block = Marshal.AllocHGlobal(Math.Max(bytes, 1));
            blocks.Add(block);
            return (byte*)block;
        }
    }
}
